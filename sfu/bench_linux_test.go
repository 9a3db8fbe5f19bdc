package sfu

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// hallOf is a stage with so many seats that seal and send by themselves, to a socket that nobody reads.
func hallOf(t testing.TB, seats int) (*stage, *layer) {
	t.Helper()
	s := newStage(t, webrtc.MimeTypeVP8)
	server, sink := s.pub.peer.room.sfu, listenLocal(t)
	server.egress = newEgress([]*net.UDPConn{listenLocal(t)})
	to, err := netip.ParseAddrPort(sink.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.pub.removeSeat(s.seat)
	for k := range seats {
		sealer, err := newSealer(testKeys(t))
		if err != nil {
			t.Fatal(err)
		}
		viewer := &Peer{route: &route{}, room: s.pub.peer.room, wake: make(chan struct{}, 1)}
		viewer.path.Store(&path{own: true, sealer: sealer})
		viewer.destination.Store(server.egress.destination(to))
		seat := newSeat(viewer, "1", parley.Video, "seat-0", uint32(k+1))
		seat.writer, seat.formats = s, formats{formatKey(s.pub.codec): {payload: 96}}
		seat.sit(s.pub)
		s.pub.addSeat(seat)
	}
	return s, s.layer('f')
}

// feed is a stream of pictures of six packets of 1,160 bytes.
type feed struct {
	rtp     rtp.Packet
	payload [1160]byte
	n       int
}

func newFeed() *feed {
	f := &feed{}
	copy(f.payload[:], []byte{0x90, 0xE0, 0x80, 0, 0, 0, 0})
	f.rtp = rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 9}}
	return f
}

// next gives the layer the next packet; the first one of all begins a keyframe.
func (f *feed) next(l *layer) {
	f.payload[0] = 0x80
	if f.n%6 == 0 {
		f.payload[0] = 0x90
		f.rtp.Timestamp += 3000
		f.payload[3]++
	}
	f.payload[6] = byte(min(f.n, 1))
	f.rtp.Marker = f.n%6 == 5
	f.rtp.SequenceNumber++
	f.n++
	l.rtp = f.rtp
	l.rtp.Payload = f.payload[:]
	_ = l.take(len(f.payload), time.Now(), false)
}

// TestThePathOfAPacketAllocatesNothing, from the layer to twenty sockets.
func TestThePathOfAPacketAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	s, l := hallOf(t, 20)
	f := newFeed()
	for range 2 * ringSize {
		f.next(l) // rings and scratch grow to their size
	}
	if got := testing.AllocsPerRun(600, func() { f.next(l) }); got > 0 {
		t.Errorf("%v allocations for each packet", got)
	}
	if first := (*s.pub.seats.Load())[0]; first.packets < ringSize {
		t.Errorf("only %d packets went out", first.packets)
	}
}

// BenchmarkForward is the whole path of a packet that comes in, to so many subscribers; ns/out is the cost of
// each packet that goes out.
func BenchmarkForward(b *testing.B) {
	for _, seats := range []int{1, 10, 100} {
		b.Run(map[int]string{1: "1", 10: "10", 100: "100"}[seats], func(b *testing.B) {
			_, l := hallOf(b, seats)
			f := newFeed()
			b.ReportAllocs()
			for b.Loop() {
				f.next(l)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*seats), "ns/out")
		})
	}
}

func BenchmarkRing(b *testing.B) {
	payload := make([]byte, 1160)
	b.Run("put", func(b *testing.B) {
		r := &ring{}
		b.ReportAllocs()
		for n := int64(1 << 16); b.Loop(); n++ {
			r.put(&packet{number: n, payload: payload})
		}
	})
	b.Run("read", func(b *testing.B) {
		r, to := &ring{}, packet{}
		r.put(&packet{number: 1 << 16, payload: payload})
		b.ReportAllocs()
		for b.Loop() {
			if !r.read(1<<16, &to) {
				b.Fatal("it is not kept")
			}
		}
	})
}

func BenchmarkRewriter(b *testing.B) {
	r := newRewriter(90000)
	now := time.Now()
	r.begin(1<<16, position{}, r.timeOf(now))
	b.ReportAllocs()
	for n := int64(1 << 16); b.Loop(); n++ {
		if n%8 == 0 {
			r.leaveOut(n, true)
			continue
		}
		r.place(n, position{seq: uint16(n), timestamp: uint32(n * 500)}, now)
	}
}

func BenchmarkSeal(b *testing.B) {
	sealer, err := newSealer(testKeys(b))
	if err != nil {
		b.Fatal(err)
	}
	var state sealing
	var with scratch
	buffer := make([]byte, 0, 1500)
	b.ReportAllocs()
	for seq := uint16(0); b.Loop(); seq++ {
		h := head{ssrc: 7, payload: 96, seq: seq}
		packet := h.append(buffer, extensionIDs{})
		size := len(packet)
		if sealer.seal(&state, &with, packet[:size+1160], size) == nil {
			b.Fatal("it is not sealed")
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	keys := testKeys(b)
	sealer, err := newSealer(keys)
	if err != nil {
		b.Fatal(err)
	}
	opener, err := newOpener(keys)
	if err != nil {
		b.Fatal(err)
	}
	var state sealing
	var with scratch
	h := head{ssrc: 7, payload: 96, seq: 5}
	packet := h.append(make([]byte, 0, 1500), extensionIDs{})
	size := len(packet)
	sealed := sealer.seal(&state, &with, packet[:size+1160], size)
	work := make([]byte, len(sealed))
	b.ReportAllocs()
	for b.Loop() {
		copy(work, sealed)
		if _, ok := opener.open(&stream{}, work, size); !ok {
			b.Fatal("it is not opened")
		}
	}
}
