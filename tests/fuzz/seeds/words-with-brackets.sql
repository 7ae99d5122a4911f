ed(1, [it's])
GO
quit(2)
SELECT 'x
GO'
GO
