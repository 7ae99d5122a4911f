/* A vendor's setup program for the stories: it copies itself away, starts the copy and ends, as bootstrappers do, and what
   lies in C:\muster-story says how it behaves. Nothing of this goes into what ships.

     setup.exe /S /VERSION="1.0"    installs        setup.exe /REMOVE /S    takes itself off; without /S it would ask

     /ANSWERS="path"    reads a password from that file, keeps it and says it, as careless setups do
     /ACT               is the action of its own of another package
     /HOLD              is Windows Installer's service, whose mutex it holds, and waits for a setup that hands its work over

     busy     found: it is removed, and the answer is 1618
     fails    found: the answer is 1603
     wait     the work is done once this file is gone
     hands-over  found: the work is left to /HOLD, which does it once this file is gone
     code     holds the exit code of the copy; where that is 1603 it has done nothing
     copy-pid is written by the copy: its process id
     act-waits, broken    found: the action waits until it is gone, or fails */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "C:\\muster-story\\"
#define KEY "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\MusterStoryBeta"

static int there(const char *path) { return GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES; }

static void note_in(const char *path, const char *what)
{
    FILE *ledger = fopen(path, "ab");
    if (!ledger) return;
    fprintf(ledger, "%s\n", what);
    fclose(ledger);
}

static void note(const char *what) { note_in(FOLDER "setup.txt", what); }

static char password[256];

/* All that the file says goes into the log; the password is kept. */
static int read_answers(const char *path)
{
    char line[256];
    FILE *answers = fopen(path, "r");
    if (!answers) return 0;
    while (fgets(line, sizeof line, answers)) {
        printf("read: %s", line);
        line[strcspn(line, "\r\n")] = 0;
        if (strncmp(line, "Password=", 9) == 0) strcpy(password, line + 9);
    }
    fflush(stdout);
    fclose(answers);
    return 1;
}

static void set(HKEY key, const char *name, const char *value)
{
    RegSetValueExA(key, name, 0, REG_SZ, (const BYTE *)value, (DWORD)strlen(value) + 1);
}

static int code(void)
{
    int code = 0;
    FILE *file = fopen(FOLDER "code", "rb");
    if (!file) return 0;
    if (fscanf(file, "%d", &code) != 1) code = 0;
    fclose(file);
    return code;
}

static int install(const char *version)
{
    char self[MAX_PATH], name[64];
    HKEY key;
    GetModuleFileNameA(NULL, self, MAX_PATH);
    CreateDirectoryA(FOLDER "beta", NULL);
    if (!CopyFileA(self, FOLDER "beta\\uninstall.exe", FALSE)) return 1603;
    if (RegCreateKeyExA(HKEY_LOCAL_MACHINE, KEY, 0, NULL, 0, KEY_WRITE, NULL, &key, NULL)) return 1603;
    snprintf(name, sizeof name, "Muster Story Beta %s", version);
    set(key, "DisplayName", name);
    set(key, "DisplayVersion", version);
    set(key, "UninstallString", FOLDER "beta\\uninstall.exe /REMOVE");
    if (*password) set(key, "Password", password);
    RegCloseKey(key);
    return code();
}

static void say_pid(void)
{
    FILE *file = fopen(FOLDER "copy-pid", "wb");
    if (!file) return;
    fprintf(file, "%lu\n", GetCurrentProcessId());
    fclose(file);
}

/* In the place of the service to which a setup that has ended left its work; no process of the agent's. */
static int hold(void)
{
    unsigned long pid = 0;
    HANDLE mutex = CreateMutexA(NULL, TRUE, "Global\\_MSIExecute"), setup;
    int done;
    if (!mutex) return 1;
    note("hold");
    while (!pid) {
        FILE *file = fopen(FOLDER "copy-pid", "rb");
        if (file && fscanf(file, "%lu", &pid) != 1) pid = 0;
        if (file) fclose(file);
        Sleep(20);
    }
    setup = OpenProcess(SYNCHRONIZE, FALSE, pid);
    if (setup) WaitForSingleObject(setup, INFINITE);
    note("handed over");
    while (there(FOLDER "hands-over")) Sleep(20);
    done = install("1.0");
    ReleaseMutex(mutex);
    return done;
}

/* The copy, which does the work after its parent has ended. */
static int start_copy(const char *line)
{
    char self[MAX_PATH], copy[] = FOLDER "beta-setup.exe", command[1024];
    STARTUPINFOA startup = {sizeof startup};
    PROCESS_INFORMATION process;
    GetModuleFileNameA(NULL, self, MAX_PATH);
    /* As those of vendors do that have Windows open their own file: it opens none without an ending. */
    if (strlen(self) < 4 || _stricmp(self + strlen(self) - 4, ".exe")) return 1603;
    if (!CopyFileA(self, copy, FALSE)) return 1603;
    snprintf(command, sizeof command, "%s /COPY %s", copy, line);
    if (!CreateProcessA(copy, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) return 1603;
    return 0;
}

int main(int count, char **arguments)
{
    const char *version = NULL, *answers = NULL;
    int silent = 0, remove = 0, copy = 0, i;
    for (i = 1; i < count; i++) {
        if (strcmp(arguments[i], "/S") == 0) silent = 1;
        else if (strcmp(arguments[i], "/REMOVE") == 0) remove = 1;
        else if (strcmp(arguments[i], "/COPY") == 0) copy = 1;
        else if (strncmp(arguments[i], "/VERSION=", 9) == 0) version = arguments[i] + 9;
        else if (strncmp(arguments[i], "/ANSWERS=", 9) == 0) answers = arguments[i] + 9;
        else if (strcmp(arguments[i], "/ACT") == 0) {
            note_in(FOLDER "act.txt", "act");
            while (there(FOLDER "act-waits")) Sleep(20);
            return there(FOLDER "broken");
        } else if (strcmp(arguments[i], "/HOLD") == 0) return hold();
    }
    if (!silent) return 1602;
    if (remove) {
        note("remove");
        while (there(FOLDER "wait")) Sleep(20);
        return RegDeleteKeyA(HKEY_LOCAL_MACHINE, KEY) ? 1605 : 0;
    }
    if (!version) return 1603;
    if (answers && !read_answers(answers)) return 1603;
    if (!copy) {
        char line[1024];
        note("setup");
        if (DeleteFileA(FOLDER "busy")) return 1618;
        if (there(FOLDER "fails")) return 1603;
        if (there(FOLDER "hands-over")) {
            say_pid();
            return 0;
        }
        snprintf(line, sizeof line, "/S /VERSION=%s", version);
        if (answers) snprintf(line, sizeof line, "/S /VERSION=%s /ANSWERS=\"%s\"", version, answers);
        return start_copy(line);
    }
    note("copy");
    say_pid();
    while (there(FOLDER "wait")) Sleep(20);
    if (code() == 1603) return 1603;
    return install(version);
}
