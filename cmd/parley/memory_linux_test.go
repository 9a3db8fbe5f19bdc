package main

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestOnlyPagesThatTheFileHasAreDropped(t *testing.T) {
	t.Parallel()
	const table = `00400000-00402000 r--p 00000000 fe:00 12 /opt/par ley
Rss:                   8 kB
Anonymous:             0 kB
00402000-0160a000 r-xp 00002000 fe:00 12 /opt/par ley
Anonymous:             0 kB
0160a000-02b10000 r--p 0120a000 fe:00 12 /opt/par ley
Anonymous:             4 kB
02b10000-02b11000 rw-p 02710000 fe:00 12 /opt/par ley
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 13 /lib/libc.so.6
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00000000 00:00 0
Anonymous:             0 kB
not a line
`
	got := unwritten(strings.NewReader(table), "/opt/par ley")
	if want := []mapping{{0x400000, 0x402000}, {0x402000, 0x160a000}}; !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestTheProgramGoesOnWithoutItsPages drops what runs, and looks that it was much.
func TestTheProgramGoesOnWithoutItsPages(t *testing.T) { //nolint:paralleltest // it measures the process
	before := mappedKiB(t)
	dropMapped()
	if after := mappedKiB(t); after >= before {
		t.Errorf("%d KiB of files in memory, %d before", after, before)
	}
}

func mappedKiB(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindStringSubmatch(string(text))
	if found == nil {
		t.Skip("the kernel does not tell how much of files is in memory")
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
