package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/parley/parley"
)

// clockTick is the unit of CPU times in /proc: USER_HZ is 100 wherever Linux runs Go.
const clockTick = time.Second / 100

// cpuTime is the user and system time that a process has used (proc_pid_stat(5), fields 14 and 15).
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return parseStat(string(text))
}

func parseStat(text string) (time.Duration, error) {
	// The name, in parentheses, may hold anything, parentheses too.
	end := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	const user, system = 11, 12 // counted from the one after the name
	if end < 0 || len(fields) <= system {
		return 0, errors.New("read CPU time: not a line of /proc/PID/stat")
	}
	u, err := strconv.ParseInt(fields[user], 10, 64)
	s, err2 := strconv.ParseInt(fields[system], 10, 64)
	if err := errors.Join(err, err2); err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return time.Duration(u+s) * clockTick, nil
}

// machineTime is how long all cores together have had nothing to do, and have existed (proc_stat(5)).
func machineTime() (idle, total time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("read CPU time: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	const idleField, waitField, guestField = 4, 5, 9
	for i, field := range strings.Fields(first) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil || i >= guestField { // the word cpu; guests are counted in user
			continue
		}
		total += time.Duration(n) * clockTick
		if i == idleField || i == waitField {
			idle += time.Duration(n) * clockTick
		}
	}
	return idle, total, nil
}

// residentBytes is the memory of a process that is in RAM (proc_pid_statm(5)).
func residentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, errors.New("read memory: not a line of /proc/PID/statm")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// findServer finds the process on this machine that listens at an address. 0 and a sentence why not when
// there is none to be found.
func findServer(ctx context.Context, address string) (pid int, why string) {
	parsed, err := url.Parse(address)
	if err != nil {
		return 0, "the address is not one"
	}
	if !isHere(ctx, parsed.Hostname()) {
		return 0, "the server is not on this machine"
	}
	port := parsed.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[parsed.Scheme]
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, "the address has no port"
	}
	inodes := map[string]bool{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // no IPv6, or no Linux
		}
		for _, inode := range listeners(string(text), uint16(number)) {
			inodes["socket:["+inode+"]"] = true
		}
	}
	if pid := holder(inodes); pid != 0 {
		return pid, ""
	}
	return 0, "no process of yours listens at that port; name it with --pid"
}

// isHere reports whether a host is this machine.
func isHere(ctx context.Context, host string) bool {
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil || len(addresses) == 0 {
		return false
	}
	if addresses[0].IP.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range own {
		if network, ok := a.(*net.IPNet); ok && network.IP.Equal(addresses[0].IP) {
			return true
		}
	}
	return false
}

// listeners are the inodes of the sockets of a table like /proc/net/tcp that listen at a port.
func listeners(table string, port uint16) []string {
	var inodes []string
	const local, state, inode, listens = 1, 3, 9, "0A"
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > inode && fields[state] == listens && strings.HasSuffix(fields[local], fmt.Sprintf(":%04X", port)) {
			inodes = append(inodes, fields[inode])
		}
	}
	return inodes
}

// holder is the process that has one of these files open; 0 when it is somebody else's.
func holder(files map[string]bool) int {
	if len(files) == 0 {
		return 0
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && files[to] {
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
				return pid
			}
		}
	}
	return 0
}

// usage is what was used up to one moment.
type usage struct {
	at            time.Time
	server, own   time.Duration
	idle, machine time.Duration
	resident      int64  // of the server, bytes
	drops         uint64 // packets the generator was too slow for
	sweeping      time.Duration
}

// measure reads everything. pid is 0 when the server's process is not known; when it has ended, that is
// Unavailable.
func measure(pid int, s *sweeper) (usage, error) {
	u := usage{at: time.Now(), drops: s.drops(), sweeping: s.busyTime()}
	var err error
	if u.own, err = cpuTime(os.Getpid()); err != nil {
		return u, err
	}
	if u.idle, u.machine, err = machineTime(); err != nil {
		return u, err
	}
	if pid == 0 {
		return u, nil
	}
	u.server, err = cpuTime(pid)
	if err == nil {
		u.resident, err = residentBytes(pid)
	}
	if errors.Is(err, os.ErrNotExist) {
		return u, errGone(pid)
	}
	return u, err
}

func errGone(pid int) error {
	return &parley.Error{
		Op: "bench", Kind: parley.Unavailable, Say: fmt.Sprintf("The server's process %d does not run (any more).", pid),
	}
}

// cores is how many this process may run on.
func cores() int { return runtime.NumCPU() }
