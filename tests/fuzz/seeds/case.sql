SELECT 1
gO
:SetVar A "b"
:ON ERROR exit
SELECT '$(a)'
Go 2
