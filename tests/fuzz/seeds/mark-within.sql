
:setvar name a
﻿	
SELECT 1
