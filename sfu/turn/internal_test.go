package turn

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// source is a connection that only has something to say.
type source struct {
	net.Conn
	io.Reader
}

func (s source) Read(b []byte) (int, error)    { return s.Reader.Read(b) }
func (source) SetReadDeadline(time.Time) error { return nil }
func (source) RemoteAddr() net.Addr            { return &net.TCPAddr{} }
func newSource(b []byte) *stream {
	c := &stream{Conn: source{nil, bytes.NewReader(b)}}
	c.reader = bufio.NewReaderSize(c.Conn, mostFrame)
	return c
}

// FuzzStream reads anything as a stream, as Pion does: it ends, and never gives a message of nothing.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 0xFF, 0xEC, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x40, 0, 0xFF, 0xFC, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		conn := turn.NewSTUNConn(newSource(b))
		buffer := make([]byte, 1600)
		for read := 0; ; {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if n <= 0 || n >= len(buffer) {
				t.Fatalf("a message of %d bytes", n)
			}
			if read += n; read > len(b) {
				t.Fatalf("%d bytes read of %d", read, len(b))
			}
		}
	})
}

// FuzzUsername reads anything as a user name.
func FuzzUsername(f *testing.F) {
	f.Add("1700000000:a")
	f.Add(":")
	f.Add("-1:a")
	f.Fuzz(func(t *testing.T, text string) {
		expiry, user, ok := parseUsername(text)
		if ok && (user == "" || expiry.Unix() < 0 || len(text) > 80) {
			t.Errorf("%q is %q until %v", text, user, expiry)
		}
	})
}

// TestFramesAreGivenWhole reads two frames byte by byte and at once.
func TestFramesAreGivenWhole(t *testing.T) {
	t.Parallel()
	message := append([]byte{0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42}, make([]byte, 16)...)
	data := []byte{0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0}
	conn := turn.NewSTUNConn(newSource(append(bytes.Clone(message), data...)))
	for _, want := range [][]byte{message, data} {
		buffer := make([]byte, 1600)
		n, _, err := conn.ReadFrom(buffer)
		if err != nil || !bytes.Equal(buffer[:n], want) {
			t.Fatalf("%x, %v; want %x", buffer[:n], err, want)
		}
	}
	if _, _, err := conn.ReadFrom(make([]byte, 1600)); !errors.Is(err, io.EOF) {
		t.Error("no end:", err)
	}
}

// TestCredentialsEndForNewAllocationsOnly: what is there goes on being refreshed, for a day.
func TestCredentialsEndForNewAllocationsOnly(t *testing.T) {
	t.Parallel()
	counters, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		cfg: DefaultConfig(), secret: []byte("a secret of this test"),
		relay: newRelay(DefaultConfig(), func() []netip.AddrPort { return nil }, counters),
	}
	for name, c := range map[string]struct {
		expired time.Duration // ago
		method  stun.Method
		want    bool
	}{
		"good":                {-time.Minute, stun.MethodAllocate, true},
		"new after the end":   {time.Minute, stun.MethodAllocate, false},
		"refreshed after it":  {time.Minute, stun.MethodRefresh, true},
		"bound after it":      {time.Hour, stun.MethodChannelBind, true},
		"for ever":            {25 * time.Hour, stun.MethodRefresh, false},
		"longer than we give": {-2 * time.Hour, stun.MethodAllocate, false},
	} {
		username := strconv.FormatInt(time.Now().Add(-c.expired).Unix(), 10) + ":somebody"
		user, key, ok := s.authenticate(&turn.RequestAttributes{Username: username, Realm: realm, Method: c.method})
		if ok != c.want || ok && (user != "somebody" || len(key) == 0) {
			t.Errorf("%s: %v", name, ok)
		}
	}
	if _, _, ok := s.authenticate(&turn.RequestAttributes{
		Username: strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10) + ":somebody", Realm: "other", Method: stun.MethodAllocate,
	}); ok {
		t.Error("another realm is good enough")
	}
}

// TestARenewedCertificateIsRead replaces the files under a server.
func TestARenewedCertificateIsRead(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	cfg := Config{Certificate: filepath.Join(directory, "cert.pem"), Key: filepath.Join(directory, "key.pem")}
	write := func(number int64) {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(number)}
		signed, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for path, block := range map[string]*pem.Block{
			cfg.Certificate: {Type: "CERTIFICATE", Bytes: signed}, cfg.Key: {Type: "PRIVATE KEY", Bytes: encoded},
		} {
			if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		at := time.Now().Add(time.Duration(number) * time.Hour) // files of one instant look the same
		if err := os.Chtimes(cfg.Certificate, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(1)
	c, err := loadCertificate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		c.looked = time.Time{} // a minute passes
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d, want 1", n)
	}
	write(2)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d, want the renewed one", n)
	}
	if err := os.WriteFile(cfg.Certificate, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 2 {
		t.Errorf("certificate %d while the next is written, want 2", n)
	}
}
