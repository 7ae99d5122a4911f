PRINT 'one
GO
two''s
GO'
GO
SELECT "a
GO"
GO
SELECT [b
GO
]]]
