package signaling_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	region  = parley.Region("local")
	meeting = parley.MeetingID("kfm-tqzw-rbn")
	// patience is far more than anything here takes, for a machine that is busy.
	patience = 20 * time.Second
)

// house is a server on real parts: SQLite, files, the bus, the SFU. The ears are ours, to listen to.
type house struct {
	t       *testing.T
	cfg     signaling.Config
	regions parley.Regions
	home    *catalog.Home
	bus     *bus.Bus
	auth    *auth.Auth
	key     auth.Key
	ears    *ears
	logs    *bytes.Buffer // guarded by zap's lock while the house runs
	log     *zap.Logger

	rooms *signaling.Rooms // that run
	url   string           // of them
	stop  func()           // the rooms and their media, as SIGTERM does; idempotent
}

// newHouse opens a house with one meeting in it, which is recorded, and lets people in.
func newHouse(t *testing.T, change func(cfg *signaling.Config)) *house {
	t.Helper()
	directory := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := catalog.Open(t.Context(), filepath.Join(directory, "catalog.db"))
	must(err)
	home, err := catalog.OpenHome(t.Context(), filepath.Join(directory, "home.db"))
	must(err)
	store, err := objects.OpenDir(filepath.Join(directory, "objects"))
	must(err)
	events, err := bus.Open(bus.Config{Directory: filepath.Join(directory, "bus")}, zap.NewNop())
	must(err)
	h := &house{
		t: t, cfg: signaling.DefaultConfig(), home: home, bus: events, key: auth.NewKey(), ears: newEars(),
		regions: parley.Regions{region: {
			Region: region, Objects: store, Meetings: rows, Participants: rows, Chats: rows,
			Recordings: rows, Transcripts: rows, Actions: rows,
		}},
		logs: &bytes.Buffer{},
	}
	h.cfg.ReconnectGrace = 500 * time.Millisecond
	if change != nil {
		change(&h.cfg)
	}
	h.log = zap.New(zapcore.NewCore(
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(h.logs)), zap.DebugLevel,
	))
	h.auth, err = auth.New(auth.DefaultConfig(), h.key, "http://localhost", home)
	must(err)
	must(home.Place(t.Context(), meeting, region))
	must(rows.CreateMeeting(t.Context(), parley.Meeting{
		ID: meeting, Title: "Budget review", Region: region, Zone: "UTC", Record: true, Creator: "guest-creator",
		State: parley.Scheduled, Created: time.Now(),
	}))
	h.open()
	t.Cleanup(func() {
		h.stop()
		must(events.Close())
		must(store.Close())
		must(home.Close())
		must(rows.Close())
		if t.Failed() {
			t.Log(h.logs.String())
		}
	})
	return h
}

// open starts the rooms, the first time or again.
func (h *house) open() {
	h.t.Helper()
	registry := prometheus.NewRegistry()
	cfg := sfu.DefaultConfig()
	cfg.UDPAddress = "127.0.0.1:0"
	media, err := sfu.New(cfg, zap.NewNop(), registry)
	if err != nil {
		h.t.Fatal(err)
	}
	rooms, err := signaling.New(h.cfg, media, h.regions, h.home, h.bus, h.ears, h.auth, h.log, registry)
	if err != nil {
		h.t.Fatal(err)
	}
	h.rooms = rooms
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/meetings/{id}/socket", rooms)
	mux.Handle("/whip/", rooms.WHIP())
	mux.Handle("/whep/", rooms.WHIP())
	web := httptest.NewServer(mux)
	h.url = web.URL
	stopMedia := run(h.t, media.Run)
	stopRooms := run(h.t, rooms.Run)
	h.stop = sync.OnceFunc(func() {
		stopRooms()
		stopMedia()
		web.Close()
	})
	poll(h.t, "the server lets people in", func() bool {
		response, err := http.Get(h.url + "/api/v1/meetings/x/socket")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode != http.StatusServiceUnavailable
	})
}

// run runs something until the function it returns is called, which waits for its end.
func run(t *testing.T, serve func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("did not stop")
		}
	})
}

// as is how somebody joins, by default a member who consents, with a microphone and seats.
func (h *house) as(name string, role auth.Scope) client.Config {
	h.t.Helper()
	token, err := h.auth.Token(auth.TokenSpec{
		Meeting: meeting, Scopes: []auth.Scope{role}, Name: name, Lifetime: time.Hour,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return client.Config{
		URL: h.url, Meeting: meeting, Token: token, Name: name, Consent: parley.Granted,
		Sources: []parley.Source{parley.Microphone}, Voices: 2, Seats: 1,
	}
}

// join joins and, at the end of the test, closes.
func (h *house) join(cfg client.Config) *client.Client {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	c, err := client.Join(ctx, cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

// speak plays silence until the test ends, which is sound enough for a publication.
func (h *house) speak(c *client.Client) {
	h.t.Helper()
	h.t.Cleanup(run(h.t, func(ctx context.Context) error {
		_ = c.Play(ctx, func(yield func([]byte) bool) {
			for yield([]byte{0xf8, 0xff, 0xfe}) { // 20 ms of silence in CELT
			}
		})
		return nil
	}))
}

// show sends 25 pictures a second until the test ends: VP8 keyframes by their header (RFC 6386 §9.1),
// which is all that forwarding looks at.
func (h *house) show(c *client.Client) {
	h.t.Helper()
	picture := append([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, make([]byte, 3000)...)
	h.t.Cleanup(run(h.t, func(ctx context.Context) error {
		_ = c.Show(ctx, func(yield func([]byte) bool) {
			for yield(picture) {
			}
		}, 25)
		return nil
	}))
}

func (h *house) meeting() parley.Meeting {
	h.t.Helper()
	m, err := h.regions[region].Meetings.Meeting(context.WithoutCancel(h.t.Context()), meeting)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// wantKind requires that a join fails in a way.
func (h *house) wantRefused(cfg client.Config, kind parley.Kind, says string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	c, err := client.Join(ctx, cfg)
	if err == nil {
		c.Close()
	}
	if parley.KindOf(err) != kind || !strings.Contains(parley.SayOf(err), says) {
		h.t.Errorf("got %s, %q; want %s and %q in it", parley.KindOf(err), parley.SayOf(err), kind, says)
	}
}

// dial opens a bare WebSocket as somebody, to send what a client would not.
func (h *house) dial(cfg client.Config) *websocket.Conn {
	h.t.Helper()
	return h.dialBy(websocket.DefaultDialer, cfg)
}

func (h *house) dialBy(dialer *websocket.Dialer, cfg client.Config) *websocket.Conn {
	h.t.Helper()
	address := "ws" + strings.TrimPrefix(h.url, "http") + "/api/v1/meetings/" + string(cfg.Meeting) + "/socket"
	conn, response, err := dialer.DialContext(
		h.t.Context(), address, http.Header{"Authorization": {"Bearer " + cfg.Token}},
	)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = response.Body.Close()
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// next reads the next message that a test asks for, over all others.
func next[M any](t *testing.T, conn *websocket.Conn) *M {
	t.Helper()
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("no %T came: %v", new(M), err)
		}
		message, err := signaling.DecodeMessage(frame)
		if err != nil {
			t.Fatalf("the server sent %s: %v", frame, err)
		}
		if m, ok := message.(*M); ok {
			return m
		}
	}
}

// poll waits until something holds.
func poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// ears are the signaling.Taps of a house.
type ears struct {
	mu      sync.Mutex
	heard   map[parley.ParticipantID]int // packets
	open    int                          // taps
	ended   []parley.MeetingID
	unclean bool // Ended came while a tap was open
	trouble string
	fault   bool // Status panics, once
}

func newEars() *ears { return &ears{heard: map[parley.ParticipantID]int{}} }

// Tap implements signaling.Taps.
func (e *ears) Tap(m parley.Meeting, t parley.Track, arrived time.Time) []sfu.Tap {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.Started.IsZero() || arrived.Before(m.Started) || t.Meeting != m.ID || !m.Record {
		e.unclean = true
	}
	e.open++
	return []sfu.Tap{&ear{e, t.Participant}}
}

// Ended implements signaling.Taps.
func (e *ears) Ended(_ context.Context, id parley.MeetingID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = append(e.ended, id)
	e.unclean = e.unclean || e.open > 0
	return nil
}

// Status implements signaling.Taps.
func (e *ears) Status(parley.Meeting) signaling.TapsStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fault {
		e.fault = false
		panic("a fault")
	}
	return signaling.TapsStatus{WordsMissing: "No speech engine runs.", RecordingTrouble: e.trouble}
}

func (e *ears) packets(p parley.ParticipantID) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard[p]
}

func (e *ears) wantEnded(t *testing.T) {
	t.Helper()
	poll(t, "the ended meeting is handed over", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return slices.Contains(e.ended, meeting)
	})
	if e.unclean {
		t.Error("it was handed over while a tap was open, or a tap was asked for at the wrong time")
	}
}

type ear struct {
	ears *ears
	of   parley.ParticipantID
}

// Write implements sfu.Tap.
func (e *ear) Write(*rtp.Packet, time.Time) {
	e.ears.mu.Lock()
	defer e.ears.mu.Unlock()
	e.ears.heard[e.of]++
}

// Close implements sfu.Tap.
func (e *ear) Close() {
	e.ears.mu.Lock()
	defer e.ears.mu.Unlock()
	e.ears.open--
}
