SELECT 1
GO
SELECT 2
GO 3


PRINT 'x'
go -- the end
