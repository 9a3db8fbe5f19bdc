package sfu

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"

	"github.com/parley/parley/sfu/sfutest"
)

// TestOurOwnPathIsTaken holds the SFU to sealing by itself: were the keys not found, everything would
// still work, at three times the price.
func TestOurOwnPathIsTaken(t *testing.T) {
	t.Parallel()
	for name, browse := range map[string]func(testing.TB, sfutest.Lines) *sfutest.Browser{
		"udp": sfutest.New, "tcp": sfutest.NewTCP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := connectedPeer(t, browse)
			chosen := peer.path.Load()
			if chosen == nil || !chosen.own {
				t.Fatal("packets go the way of Pion")
			}
			if chosen.sealer.keys.profile != srtp.ProtectionProfileAeadAes128Gcm {
				t.Errorf("sealed with profile %v", chosen.sealer.keys.profile)
			}
			if (peer.destination.Load().tcp != nil) != (name == "tcp") {
				t.Error("packets are sent elsewhere")
			}
			if _, _, err := peer.keys.take(); err == nil {
				t.Error("the master secret is still there")
			}
		})
	}
}

// TestTheKernelCutsRuns gathers packets of one size to one place: they are one message, and a shorter
// one ends it.
func TestTheKernelCutsRuns(t *testing.T) {
	t.Parallel()
	b := batch{egress: &egress{}}
	to, other := &destination{}, &destination{}
	for _, c := range []struct {
		to   *destination
		size int
	}{{to, 1200}, {to, 1200}, {to, 700}, {to, 1200}, {other, 1200}, {other, 1300}} {
		b.room(c.size)
		b.add(c.to, c.size)
	}
	var got [][2]int
	for _, m := range b.messages[:b.count] {
		got = append(got, [2]int{m.segments, m.end - m.start})
	}
	want := [][2]int{{3, 3100}, {1, 1200}, {1, 1200}, {1, 1300}}
	if len(got) != len(want) {
		t.Fatalf("messages %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("message %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// TestMessageHeadersAreTheKernels, which takes a list of them; on a machine of 32 bits they are shorter.
func TestMessageHeadersAreTheKernels(t *testing.T) {
	t.Parallel()
	const word = unsafe.Sizeof(uintptr(0))
	if got, want := unsafe.Sizeof(mmsghdr{}), unsafe.Sizeof(unix.Msghdr{})+word; got != want {
		t.Errorf("a header has %d bytes, the kernel's %d", got, want)
	}
}

// narrowNetwork gives the calling goroutine a network of its own, in which no more bytes go in one piece. What else
// runs has nothing of it.
func narrowNetwork(t *testing.T, mtu uint32) {
	t.Helper()
	runtime.LockOSThread() // for ever: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network of its own may be made here: %v", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint32(mtu)
	up, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	up.SetUint16(unix.IFF_UP)
	if err := errors.Join(unix.IoctlIfreq(fd, unix.SIOCSIFMTU, lo), unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up)); err != nil {
		t.Fatal(err)
	}
}

// burstTo sends so many packets of one size and counts those that come; messages is what they were gathered in.
func burstTo(t *testing.T, e *egress, to *destination, viewer *net.UDPConn, packets, size int) (messages, refused, came int) {
	t.Helper()
	b := &batch{egress: e}
	for range packets {
		b.room(size)
		b.add(to, size)
	}
	messages = b.count
	refused = b.flush()
	buf := make([]byte, 2*size)
	for came < packets-refused {
		if err := viewer.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := viewer.ReadFromUDP(buf)
		if err != nil {
			break
		}
		if n != size {
			t.Errorf("%d bytes come of %d", n, size)
		}
		came++
	}
	return messages, refused, came
}

// TestNothingIsLostWhereRunsAreRefused: neither the burst that finds out nor those after it; and nobody else is sent
// their packets one by one for it.
func TestNothingIsLostWhereRunsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mtu  uint32 // 0 for that of the machine, whose socket takes no runs
		size int
	}{
		"what is wide on a narrower way":   {mtu: 1300, size: 1400},
		"what is narrow on a narrower way": {mtu: 1000, size: 1200},
		"whatever":                         {size: 1200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.mtu != 0 {
				narrowNetwork(t, c.mtu)
			}
			e, viewer := newEgressTo(t)
			if c.mtu == 0 {
				// Who wants no checksums is refused runs.
				if err := unix.SetsockoptInt(e.narrow.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
					t.Fatal(err)
				}
			}
			address := netip.MustParseAddrPort(viewer.LocalAddr().String())
			to, other := e.destination(address), e.destination(address)
			for round, want := range []int{1, 6, 6} {
				messages, refused, came := burstTo(t, e, to, viewer, 6, c.size)
				if messages != want || refused != 0 || came != 6 {
					t.Errorf("burst %d: %d come of 6 in %d messages, want %d; %d were refused", round, came, messages, want, refused)
				}
			}
			if messages, _, came := burstTo(t, e, other, viewer, 6, c.size); messages != 1 || came != 6 {
				t.Errorf("to somebody else: %d come of 6 in %d messages", came, messages)
			}
			messages, refused, came := burstTo(t, e, to, viewer, 6, 600)
			if messages != 1 || refused != 0 || came != 6 {
				t.Errorf("of smaller packets: %d come of 6 in %d messages; %d were refused", came, messages, refused)
			}
		})
	}
}

// newEgressTo sends to a socket.
func newEgressTo(t *testing.T) (*egress, *net.UDPConn) {
	t.Helper()
	sockets, err := listenShared(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(sockets) })
	viewer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = viewer.Close() })
	e := newEgress(sockets)
	t.Cleanup(e.close)
	if e.whole {
		t.Skip("this kernel cuts no runs")
	}
	return e, viewer
}
