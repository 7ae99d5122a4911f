SELECT 1
  go  
SELECT 2
GO	2
