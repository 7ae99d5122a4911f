:setvar name "Jean d'Arc"
:setvar n 2
PRINT '$(name)' -- $(nobody)
SELECT $(N)
GO $(n)
:setvar n
SELECT 1
