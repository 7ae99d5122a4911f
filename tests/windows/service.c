/* A service for the stories of the service ports: it is on its way for a moment, runs, and stops when it is asked.
   `hinting` says a checkpoint on its way; `paused` begins paused, which no document can say; `complaining` stops by itself with an error of
   its own; `lingering` holds a file, and goes on a while after it has said that it stopped. Each stays on its way up, once it has
   written that it was started, while C:\windows\temp\muster-story-hold is there. Nothing of this goes into what ships. */
#include <windows.h>
#include <stdio.h>
#include <string.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stopping;
static const char *part = "";

static void report(DWORD state, DWORD accepted)
{
    SERVICE_STATUS status = {SERVICE_WIN32_OWN_PROCESS, state, accepted, NO_ERROR, 0, 0, 2000};
    if (strcmp(part, "hinting") == 0 && (state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING)) {
        status.dwCheckPoint = 3;
        status.dwWaitHint = 2500;
    }
    if (state == SERVICE_STOPPED && strcmp(part, "complaining") == 0) {
        status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
        status.dwServiceSpecificExitCode = 42;
    }
    SetServiceStatus(handle, &status);
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data, void *context)
{
    (void)type, (void)data, (void)context;
    if (control == SERVICE_CONTROL_STOP) {
        report(SERVICE_STOP_PENDING, 0);
        SetEvent(stopping);
    }
    return NO_ERROR;
}

/* What really ran, and in which order: one line for each start, and in a file of their own one for each stop. */
static void note(const char *path, const char *name)
{
    FILE *ledger = fopen(path, "ab");
    if (!ledger) return;
    fprintf(ledger, "%s\n", name);
    fclose(ledger);
}

static void WINAPI service_main(DWORD count, char **arguments)
{
    stopping = CreateEventA(NULL, TRUE, FALSE, NULL);
    handle = RegisterServiceCtrlHandlerExA("", on_control, NULL);
    report(SERVICE_START_PENDING, 0);
    Sleep(300);
    if (count > 0) note("C:\\windows\\temp\\muster-story.txt", arguments[0]);
    while (GetFileAttributesA("C:\\windows\\temp\\muster-story-hold") != INVALID_FILE_ATTRIBUTES) Sleep(20);
    report(strcmp(part, "paused") == 0 ? SERVICE_PAUSED : SERVICE_RUNNING, SERVICE_ACCEPT_STOP);
    if (strcmp(part, "complaining") == 0) SetEvent(stopping);
    WaitForSingleObject(stopping, INFINITE);
    Sleep(300);
    if (count > 0) note("C:\\windows\\temp\\muster-story-stops.txt", arguments[0]);
    report(SERVICE_STOPPED, 0);
}

int main(int count, char **arguments)
{
    SERVICE_TABLE_ENTRYA table[] = {{"", service_main}, {NULL, NULL}};
    BOOL lingers;
    if (count > 1) part = arguments[1];
    lingers = strcmp(part, "lingering") == 0;
    /* Nobody else may open it as long as this process lives. */
    if (lingers) CreateFileA("C:\\windows\\temp\\muster-story-held.txt", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    if (!StartServiceCtrlDispatcherA(table)) return 1;
    if (lingers) Sleep(1500);
    return 0;
}
