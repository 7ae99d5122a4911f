SELECT 1
:setvar a 1
:on error exit
SELECT 2
SELECT x FROM nothing
GO
