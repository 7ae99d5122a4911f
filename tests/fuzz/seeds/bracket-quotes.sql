SELECT [it's] FROM [a"b]
GO
SELECT "it's", 'a"b'
GO
