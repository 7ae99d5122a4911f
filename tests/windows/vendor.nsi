; A setup as NSIS makes them, for the stories: its uninstaller copies itself away, starts the copy and ends. VERSION is given from outside.
; What lies in C:\muster-story says how it behaves:
;
;     gamma.txt     what ran, a line each
;     gamma-waits   found: the copy of the uninstaller waits until it is gone
Unicode true
Target amd64-unicode
Name "Muster Story Gamma ${VERSION}"
OutFile "gamma ${VERSION}.exe"
InstallDir "C:\muster-story\gamma"
RequestExecutionLevel admin
SilentInstall normal

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\MusterStoryGamma"

!macro note WORDS
    FileOpen $0 "C:\muster-story\gamma.txt" a
    FileSeek $0 0 END
    FileWrite $0 "${WORDS}$\n"
    FileClose $0
!macroend

Section
    !insertmacro note "install ${VERSION}"
    SetOutPath "$INSTDIR"
    File /oname=gamma.txt "${__FILE__}"
    WriteUninstaller "$INSTDIR\uninstall.exe"
    SetRegView 64
    WriteRegStr HKLM "${KEY}" "DisplayName" "Muster Story Gamma ${VERSION}"
    WriteRegStr HKLM "${KEY}" "DisplayVersion" "${VERSION}"
    WriteRegStr HKLM "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
SectionEnd

Section Uninstall
    !insertmacro note "remove ${VERSION}"
    wait:
    IfFileExists "C:\muster-story\gamma-waits" 0 go
    Sleep 20
    Goto wait
    go:
    SetRegView 64
    DeleteRegKey HKLM "${KEY}"
    Delete "$INSTDIR\gamma.txt"
    Delete "$INSTDIR\uninstall.exe"
    RMDir "$INSTDIR"
    !insertmacro note "removed ${VERSION}"
SectionEnd
