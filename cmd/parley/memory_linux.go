package main

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropMapped gives back the pages of the executable that are in memory: most were needed to start only, for the
// tables of libraries, the configuration, opening stores. Those that are needed again come back when they are
// touched, from the page cache. Pages are in the page cache anyway; without this the kernel counts 15 to 20 MiB
// of them as this process's for ever, and container limits that count mapped pages with it.
func dropMapped() {
	self, err := os.Executable()
	if err != nil {
		return // then they stay
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	for _, m := range unwritten(file, self) {
		// A refusal leaves the pages where they are.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// unwritten finds the mappings of a file in a table like /proc/PID/smaps (proc_pid_smaps(5)) that cannot be
// written and never were: the loader has changed pages of others before it made them read-only, and of those
// the file has no copy.
func unwritten(smaps io.Reader, path string) []mapping {
	var found []mapping
	var current mapping
	readOnly := false
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		if from, to, is := strings.Cut(fields[0], "-"); is {
			low, err := strconv.ParseUint(from, 16, 64)
			high, err2 := strconv.ParseUint(to, 16, 64)
			current = mapping{uintptr(low), uintptr(high)}
			readOnly = err == nil && err2 == nil && !strings.Contains(fields[1], "w") && strings.HasSuffix(lines.Text(), " "+path)
			continue
		}
		if readOnly && fields[0] == "Anonymous:" && fields[1] == "0" {
			found = append(found, current)
		}
	}
	return found
}
