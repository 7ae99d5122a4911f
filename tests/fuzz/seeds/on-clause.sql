SELECT 1 FROM a JOIN b
ON a.x = b.x
on	error exit
GO
