/* Wine 8.0 lacks bcryptprimitives.dll, which every Rust program for Windows loads; Windows has it, Wine from 8.13 on too.
   Nothing of this goes into what ships. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom, of advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    return SystemFunction036(buffer, (ULONG)length);
}
