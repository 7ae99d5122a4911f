CREATE PROCEDURE dbo.P AS
BEGIN
  IF 1 = 1
    PRINT 'début' /* é */
END
GO
GRANT EXECUTE ON dbo.P TO public
GO
