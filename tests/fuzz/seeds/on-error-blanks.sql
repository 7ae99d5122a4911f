SELECT 1
on	error exiT
SELECT 2
SELECT 3 ON
  error
GO
