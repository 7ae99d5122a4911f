PRINT 'é€'
GO
