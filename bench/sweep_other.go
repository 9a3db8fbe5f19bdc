//go:build !linux

package bench

import (
	"net"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"

	"github.com/parley/parley"
)

// sweeper needs recvmmsg and the kernel's timestamps: there is none here.
type sweeper struct{}

// socket is never made.
type socket struct {
	net.PacketConn
	ice.UDPMux
}

func newSweeper(time.Duration) *sweeper { return &sweeper{} }

func (*sweeper) open(netip.Addr, func([]byte, int64), *keyTap) (*socket, error) {
	return nil, &parley.Error{Op: "bench", Kind: parley.Unavailable, Say: "The load generator runs on Linux only."}
}

func (*sweeper) setInterval(time.Duration) {}
func (*sweeper) drops() uint64             { return 0 }
func (*sweeper) run(<-chan struct{})       {}
func (*sweeper) busyTime() time.Duration   { return 0 }
func preciseTimers()                       {}
func nap(d time.Duration)                  { time.Sleep(d) }

// Close closes nothing.
func (*socket) Close() error { return nil }
