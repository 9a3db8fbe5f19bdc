package bench

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const line = "12 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 8 0 100 1 2\n"
	if got, err := parseStat(line); err != nil || got != 2*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "12 (a", "12 (a) S 1", strings.Replace(line, "150", "x", 1)} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestFindServer(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skip("no /proc/net/tcp on this system")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String() + "/x"
	if pid, why := findServer(t.Context(), address); pid != os.Getpid() {
		t.Errorf("found %d (%s), it is %d", pid, why, os.Getpid())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, elsewhere := range []string{address, "http://192.0.2.1:80"} {
		if pid, why := findServer(t.Context(), elsewhere); pid != 0 || why == "" {
			t.Errorf("%s: found %d, because %q", elsewhere, pid, why)
		}
	}
}

func TestMeasureSaysThatTheServerIsGone(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	s := newSweeper(time.Millisecond)
	if u, err := measure(os.Getpid(), s); err != nil || u.resident == 0 || u.machine == 0 {
		t.Errorf("of this process: %+v, %v", u, err)
	}
	if _, err := measure(1<<30, s); err == nil {
		t.Error("a process that does not exist was measured")
	}
}
