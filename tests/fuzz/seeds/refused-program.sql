SELECT 1
!! dir
