package sfu

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func mustAddr(t *testing.T, text string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// newQueue is a connection's queue with nobody writing it out yet.
func newQueue(tb testing.TB, conn net.Conn) (*prometheus.Registry, *tcpConn) {
	tb.Helper()
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		tb.Fatal(err)
	}
	l := &tcpListener{metrics: m, closing: make(chan struct{})}
	return registry, &tcpConn{Conn: conn, listener: l, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// dropped reads the counter of one reason.
func dropped(t *testing.T, registry *prometheus.Registry, why drop) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == string(why) {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no counter of %s", why)
	return 0
}

// TestAFullQueueHoldsWholeMessages fills a queue and reads it at the other end: what was dropped was
// dropped whole, and what keeps the connection alive still has room.
func TestAFullQueueHoldsWholeMessages(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	registry, c := newQueue(t, server)
	packet := bytes.Repeat([]byte{0x80}, 1200)
	for range 300 { // 352 kB
		c.send(packet)
	}
	check := append([]byte{0, 20}, bytes.Repeat([]byte{1}, 20)...)
	if _, err := c.Write(check); err != nil {
		t.Fatal(err)
	}
	lost := int(dropped(t, registry, dropQueue))
	if lost == 0 || lost > 150 || len(c.pending) > mostMedia+len(check) {
		t.Fatalf("%d dropped, %d bytes wait", lost, len(c.pending))
	}
	c.send(packet[:10]) // would fit, but what was lost is to be one row
	var writing sync.WaitGroup
	writing.Go(c.write)
	for i := range 300 - lost + 1 {
		var length uint16
		if err := binary.Read(client, binary.BigEndian, &length); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, length)
		if _, err := io.ReadFull(client, got); err != nil {
			t.Fatal(err)
		}
		if want := packet; i < 300-lost && !bytes.Equal(got, want) || i == 300-lost && !bytes.Equal(got, check[2:]) {
			t.Fatalf("message %d of %d bytes is another", i, length)
		}
	}
	_ = client.Close()
	c.closeOnce.Do(func() { close(c.done) })
	writing.Wait()
}

// TestConnectionsAreFoundByTheirAddress tells two connections of one remote port apart, and finds one
// behind address translation.
func TestConnectionsAreFoundByTheirAddress(t *testing.T) {
	t.Parallel()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.UDPAddress = "127.0.0.1:0"
	udp, l, err := listenBoth(cfg, m)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(udp)
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			accepted <- c
		}
	}()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	c := <-accepted
	remote := addrPortOf(client.LocalAddr())
	for _, local := range []string{"127.0.0.1", "203.0.113.7"} {
		if l.find(mustAddr(t, local), remote) != c {
			t.Errorf("not found at %s", local)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if l.find(mustAddr(t, "127.0.0.1"), remote) != nil {
		t.Error("a closed connection is found")
	}
	if _, err := c.Write([]byte{0, 0}); err == nil {
		t.Error("a closed connection is written to")
	}
}

// BenchmarkTCPQueue is what one packet to a TCP client costs its publication.
func BenchmarkTCPQueue(b *testing.B) {
	_, c := newQueue(b, nil)
	packet := make([]byte, 1200)
	b.SetBytes(int64(len(packet)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.send(packet)
		if i%100 == 99 {
			c.pending = c.pending[:0]
		}
	}
}
