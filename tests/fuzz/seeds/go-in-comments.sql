/* GO
 /* GO
*/
GO
*/ SELECT 1 -- GO
GO
-- GO
