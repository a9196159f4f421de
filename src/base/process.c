/* SPDX-License-Identifier: MIT */
#include "base/process.h"

#include "base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t duration_ns(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_usec * NS_PER_US;
}

static bool read_memory(struct process_usage *usage)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return false;
    uint64_t pages, resident_pages, page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    bool is_read = fscanf(file, "%" SCNu64 " %" SCNu64, &pages, &resident_pages) == 2;
    fclose(file);
    if (is_read) {
        usage->virtual_bytes = pages * page_bytes;
        usage->resident_bytes = resident_pages * page_bytes;
    }
    return is_read;
}

static bool count_files(struct process_usage *usage)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(directory)))
        usage->open_fds += entry->d_name[0] != '.';
    closedir(directory);
    usage->open_fds--; /* the directory itself */
    return true;
}

void process_read_usage(struct process_usage *usage)
{
    memset(usage, 0, sizeof(*usage));
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        usage->cpu_ns = duration_ns(&used.ru_utime) + duration_ns(&used.ru_stime);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        usage->max_fds = files.rlim_cur;
    usage->has_proc = read_memory(usage) && count_files(usage);
}
