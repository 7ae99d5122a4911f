SELECT 1
GO
:quit
