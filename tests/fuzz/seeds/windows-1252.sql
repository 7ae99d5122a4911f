PRINT 'début € “fin”'
GO
