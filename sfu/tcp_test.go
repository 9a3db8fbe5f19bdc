package sfu_test

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/sfu/sfutest"
)

// enter joins with a browser made elsewhere; alter may change what it is answered.
func (h *hall) enter(b *sfutest.Browser, id parley.ParticipantID, number uint32, alter func(answer string) string) *guest {
	h.t.Helper()
	peer, err := h.room.Join(sfu.PeerConfig{Participant: id, Number: number, Publish: true})
	if err != nil {
		h.t.Fatal(err)
	}
	g := &guest{Browser: b, id: id, peer: peer}
	g.Connect(answering{peer, alter, false}, nil)
	return g
}

// answering changes a peer's answers on their way, or both offer and answer.
type answering struct {
	peer  *sfu.Peer
	alter func(string) string
	both  bool
}

func (a answering) Answer(ctx context.Context, offer string, sources map[string]parley.Source) (string, error) {
	if a.both {
		offer = a.alter(offer)
	}
	answer, err := a.peer.Answer(ctx, offer, sources)
	if err == nil && a.alter != nil {
		answer = a.alter(answer)
	}
	return answer, err //nolint:wrapcheck // a test
}

// only keeps the candidates of one transport in an answer.
func only(transport string) func(string) string {
	return func(answer string) string {
		var kept []string
		for line := range strings.SplitSeq(answer, "\r\n") {
			if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(line, " "+transport+" ") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\r\n")
	}
}

func protocol(name string) webrtc.ICEProtocol {
	if name == "tcp" {
		return webrtc.ICEProtocolTCP
	}
	return webrtc.ICEProtocolUDP
}

// runsOver reports whether a browser's media goes by this transport.
func runsOver(g *guest, transport webrtc.ICEProtocol) bool {
	for _, t := range g.PC.GetTransceivers() {
		if t.Receiver() == nil || t.Receiver().Transport() == nil {
			continue
		}
		pair, err := t.Receiver().Transport().ICETransport().GetSelectedCandidatePair()
		return err == nil && pair != nil && pair.Remote.Protocol == transport
	}
	return false
}

func TestMediaFlowsBothWaysByTCP(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann := h.enter(sfutest.NewTCP(t, talker()), "ann", 1, nil)
	ben := h.join("ben", 2, talker())
	h.speak("both are heard", func() bool { return heard(ann, 2) > 20 && heard(ben, 1) > 20 }, 30, ann, ben)
	if !runsOver(ann, webrtc.ICEProtocolTCP) || !runsOver(ben, webrtc.ICEProtocolUDP) {
		t.Error("ann is to go by TCP and ben by UDP")
	}
	h.show("ann publishes", func() bool { return h.track("ben", parley.Camera).ID != "" }, ann, ben)
	seat := ann.Videos[0]
	if err := ann.peer.Seat([]sfu.SeatRequest{{MID: seat, Track: h.track("ben", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	h.show("ben is shown to ann", func() bool { return len(ann.Received(seat)) > 60 }, ann, ben)
	wantContinuous(t, ann.Received(seat))
	for _, mid := range ann.Voices {
		wantContinuous(t, ann.Received(mid))
	}
}

func TestPacketsFollowBetweenUDPAndTCP(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann := h.enter(sfutest.NewBoth(t, talker()), "ann", 1, only("udp"))
	ben := h.join("ben", 2, talker())
	for _, transport := range []string{"udp", "tcp", "udp"} {
		before := heard(ann, 2)
		h.speak("heard by "+transport, func() bool {
			return heard(ann, 2) > before+20 && runsOver(ann, protocol(transport))
		}, 30, ann, ben)
		next := map[string]string{"udp": "tcp", "tcp": "udp"}[transport]
		ann.Connect(answering{ann.peer, only(next), true}, &webrtc.OfferOptions{ICERestart: true})
	}
}

// gate is a TCP relay in front of the server that can be shut towards the browser.
type gate struct {
	listener net.Listener
	mu       sync.Mutex // guards everything below
	open     *sync.Cond
	shut     bool
	conns    []net.Conn
	ended    bool
}

func newGate(t *testing.T, server string) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: listener}
	g.open = sync.NewCond(&g.mu)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				_ = in.Close()
				continue
			}
			g.mu.Lock()
			g.conns = append(g.conns, in, out)
			g.mu.Unlock()
			work.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
			work.Go(func() { g.carry(in, out) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		g.set(false)
		g.mu.Lock()
		g.ended = true
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.mu.Unlock()
		work.Wait()
	})
	return g
}

// carry brings what the server sends to the browser while the gate is open, and reads nothing else.
func (g *gate) carry(to, from net.Conn) {
	buffer := make([]byte, 4096)
	for {
		g.mu.Lock()
		for g.shut {
			g.open.Wait()
		}
		g.mu.Unlock()
		n, err := from.Read(buffer)
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.open.Broadcast()
}

// behind puts a gate's port in place of the server's.
func (g *gate) behind(answer string) string {
	_, port, _ := net.SplitHostPort(g.listener.Addr().String())
	return regexp.MustCompile(`(?m)^(a=candidate:\S+ \d+ tcp \d+ \S+) \d+ `).ReplaceAllString(answer, "$1 "+port+" ")
}

func TestATCPClientThatStopsReadingDelaysNobody(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	wall := newGate(t, h.sfu.Addr().String())
	stuck := h.enter(sfutest.NewTCP(t, talker()), "stuck", 1, wall.behind)
	ann, ben := h.join("ann", 2, talker()), h.enter(sfutest.NewTCP(t, talker()), "ben", 3, nil)
	h.show("ann publishes", func() bool { return h.track("ann", parley.Camera).ID != "" }, ann)
	ask := func(g *guest) func() int {
		if err := g.peer.Seat([]sfu.SeatRequest{{MID: g.Videos[0], Track: h.track("ann", parley.Camera).ID}}); err != nil {
			t.Fatal(err)
		}
		return func() int { return len(g.Received(g.Videos[0])) }
	}
	shown := map[*guest]func() int{stuck: ask(stuck), ben: ask(ben)}
	h.show("shown to both", func() bool { return shown[stuck]() > 30 && shown[ben]() > 30 }, ann)
	wall.set(true)
	before := shown[ben]()
	// Enough to fill the queue, the kernel's buffers and the gate's.
	sent := 0
	h.repeat("packets to the stuck one are dropped", time.Millisecond, func() bool { return h.dropped("queue") > 100 }, func(n int) {
		for _, p := range ann.vp8.Frame(n%10 == 0, 10) {
			p.Payload = append(p.Payload, make([]byte, 1000)...)
			ann.Send(parley.Camera, p)
			sent++
		}
	})
	h.wait("ben has everything", func() bool { return shown[ben]() >= before+sent })
	wantContinuous(t, ben.Received(ben.Videos[0]))
	was := shown[stuck]()
	wall.set(false)
	h.show("the stuck one goes on", func() bool { return shown[stuck]() > was+1000 }, ann)
	if !h.sits("stuck", "ann", parley.Video) {
		t.Error("the stuck one has lost its seat")
	}
}

func TestTheTCPPortIsRefusedWhenTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	cfg := sfu.DefaultConfig()
	cfg.UDPAddress = listener.Addr().String()
	_, err = sfu.New(cfg, zap.NewNop(), prometheus.NewRegistry())
	if !errors.Is(err, parley.Conflict) || !strings.Contains(parley.SayOf(err), "sfu.tcp") {
		t.Error(err)
	}
	cfg.TCP = false
	if _, err = sfu.New(cfg, zap.NewNop(), prometheus.NewRegistry()); err != nil {
		t.Error("the UDP port was not given back, or TCP is opened all the same:", err)
	}
}

func TestWhatComesToTheTCPPortIsBounded(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	address := h.sfu.Addr().String()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ended := func(c net.Conn) error {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, err := io.Copy(io.Discard, c)
		return err //nolint:wrapcheck // a test
	}
	stranger := []byte{0, 1, 0, 16, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0, 10, 'n', 'o', 'b', 'o', 'd', 'y', ':', 'a', 'n', 'n', 0, 0}
	for name, bytes := range map[string][]byte{
		"HTTP":                      []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		"TLS":                       {22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3},
		"a frame without a message": {0, 0},
		"a length and no end":       {0xFF, 0xFF, 1, 2, 3},
		"no check":                  {0, 4, 0x80, 0, 0, 0},
		"a check without a name":    append([]byte{0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, make([]byte, 12)...),
		"a check for nobody":        append([]byte{0, byte(len(stranger))}, stranger...),
		"half a check":              {0, 20, 0, 1, 0, 0},
	} {
		c := dial()
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var timeout net.Error
			if err := ended(c); errors.As(err, &timeout) && timeout.Timeout() {
				// What may still become a check has longer than this test's patience at most.
				t.Log("still open:", err)
				t.Fail()
			}
		})
	}
	ann, ben := h.enter(sfutest.NewTCP(t, talker()), "ann", 1, nil), h.join("ben", 2, talker())
	h.speak("nobody else notices", func() bool { return heard(ann, 2) > 20 && heard(ben, 1) > 20 }, 30, ann, ben)
	var idle []net.Conn
	for range 560 {
		idle = append(idle, dial())
	}
	h.wait("too many are refused", func() bool { return h.counter("parley_sfu_tcp_refused_total", "") > 20 })
	before := heard(ann, 2)
	h.speak("nobody else notices", func() bool { return heard(ann, 2) > before+20 }, 30, ben)
	for _, c := range idle {
		_ = c.Close()
	}
	h.wait("their places are free", func() bool { return h.counter("parley_sfu_tcp_connections", "") <= 20 })
}

// counter reads a metric; reason is its label, or "".
func (h *hall) counter(name, reason string) float64 {
	h.t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if reason == "" || (len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == reason) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	h.t.Fatalf("no metric %s %s", name, reason)
	return 0
}

// dropped counts the packets that went no further for a reason.
func (h *hall) dropped(reason string) float64 {
	return h.counter("parley_sfu_dropped_packets_total", reason)
}
