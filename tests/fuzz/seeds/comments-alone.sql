-- nothing
GO
/* nothing
 either */
GO
SELECT 1
