PRINT 'never closed
GO
