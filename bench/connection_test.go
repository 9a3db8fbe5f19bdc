package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/parley/parley"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server of WHIP and WHEP for one publisher: Pion with its defaults, nothing of parley's.
type echo struct {
	t    *testing.T
	role webrtc.DTLSRole

	mu     sync.Mutex // guards everything below
	tracks []*webrtc.TrackLocalStaticRTP
	wanted int // tracks before anybody may watch
	open   map[string]*webrtc.PeerConnection
	tasks  sync.WaitGroup
}

func (e *echo) connection() *webrtc.PeerConnection {
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if err := settings.SetAnsweringDTLSRole(e.role); err != nil {
		e.t.Error(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		e.t.Error(err)
	}
	return pc
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer secret" {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodDelete {
		e.mu.Lock()
		pc := e.open[r.URL.Path]
		delete(e.open, r.URL.Path)
		e.mu.Unlock()
		if pc != nil {
			_ = pc.Close()
		}
		return
	}
	pc := e.connection()
	if strings.HasPrefix(r.URL.Path, "/whip/") {
		pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { e.tasks.Go(func() { e.forward(t) }) })
	} else {
		e.mu.Lock()
		tracks := e.tracks
		e.mu.Unlock()
		if len(tracks) < e.wanted {
			_ = pc.Close()
			http.Error(w, "nothing yet", http.StatusNotFound)
			return
		}
		for _, t := range tracks {
			if _, err := pc.AddTrack(t); err != nil {
				e.t.Error(err)
			}
		}
	}
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		e.t.Error(err)
	}
	answer, err := answerOf(pc, string(offer))
	if err != nil {
		e.t.Error(err)
	}
	e.mu.Lock()
	resource := r.URL.Path + "/" + strings.Repeat("x", len(e.open))
	e.open[resource] = pc
	e.mu.Unlock()
	w.Header().Set("Location", resource)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

func answerOf(pc *webrtc.PeerConnection, offer string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

func (e *echo) forward(from *webrtc.TrackRemote) {
	to, err := webrtc.NewTrackLocalStaticRTP(from.Codec().RTPCodecCapability, from.Kind().String(), "echo")
	if err != nil {
		e.t.Error(err)
		return
	}
	e.mu.Lock()
	e.tracks = append(e.tracks, to)
	e.mu.Unlock()
	for {
		p, _, err := from.ReadRTP()
		if err != nil {
			return
		}
		_ = to.WriteRTP(p) // the viewers may have gone
	}
}

// TestAnyServer runs against servers that are none of ours, as either end of the handshake, with each
// SRTP profile.
func TestAnyServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the generator runs on Linux only")
	}
	for name, c := range map[string]struct {
		role webrtc.DTLSRole
		srtp string
	}{
		"a DTLS server, GCM-128": {webrtc.DTLSRoleServer, "gcm128"},
		"a DTLS client, GCM-256": {webrtc.DTLSRoleClient, "gcm256"},
		"a DTLS client, CM":      {webrtc.DTLSRoleClient, "cm80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &echo{t: t, role: c.role, wanted: 1, open: map[string]*webrtc.PeerConnection{}}
			server := httptest.NewServer(e)
			defer e.tasks.Wait()
			defer server.Close()
			cfg := DefaultConfig(Livestream)
			cfg.Size = Size{Subscribers: 3, VideoKbps: 300}
			cfg.WHIP, cfg.WHEP, cfg.Bearer = server.URL+"/whip/{id}", server.URL+"/whep/{id}", "secret"
			cfg.SRTP, cfg.Warm, cfg.Window = c.srtp, 0, time.Second
			var phases []string
			report, err := Run(t.Context(), cfg, func(p Progress) { phases = append(phases, p.Phase) })
			if err != nil {
				t.Fatal(err)
			}
			if report.PacketsOut == 0 || report.PacketsOut != 3*report.PacketsIn || report.LossPercent != 0 || report.Duplicates != 0 {
				t.Errorf("%d in, %d out, %d twice, loss %g", report.PacketsIn, report.PacketsOut, report.Duplicates, report.LossPercent)
			}
			if report.Join.Count != 3 || report.Flows != 3 || report.Seats != 3 || report.Published != 1 || report.Failure != "" {
				t.Errorf("%+v", report)
			}
			if report.Server == nil || report.Server.CPUSeconds < 0 || report.Server.MemoryMiB <= 0 {
				t.Errorf("the server, which is this process: %+v, %s", report.Server, report.ServerWhy)
			}
			if report.Delay.P50 <= 0 || report.Delay.P50 > report.Delay.P99 || report.Delay.P99 > report.Delay.Max {
				t.Errorf("delays %+v", report.Delay)
			}
			if len(e.open) != 0 {
				t.Errorf("%d sessions were not deleted", len(e.open))
			}
			if len(phases) == 0 || phases[len(phases)-1] != "leaving" {
				t.Errorf("told of %v", phases)
			}
			var table strings.Builder
			if err := report.WriteTable(&table); err != nil || !strings.Contains(table.String(), "us per forwarded packet") {
				t.Errorf("%v\n%s", err, table.String())
			}
		})
	}
}

// TestTheServerDies ends a run at once when the process does that is being measured.
func TestTheServerDies(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the generator runs on Linux only")
	}
	e := &echo{t: t, role: webrtc.DTLSRoleServer, wanted: 1, open: map[string]*webrtc.PeerConnection{}}
	server := httptest.NewServer(e)
	defer e.tasks.Wait()
	defer server.Close()
	process := exec.Command("sleep", "600") // stands in for the process of the server
	if err := process.Start(); err != nil {
		t.Skip(err)
	}
	cfg := DefaultConfig(Livestream)
	cfg.Size, cfg.PID = Size{Subscribers: 1}, process.Process.Pid
	cfg.WHIP, cfg.WHEP, cfg.Bearer = server.URL+"/whip/{id}", server.URL+"/whep/{id}", "secret"
	cfg.Warm, cfg.Window = 0, 10*time.Minute
	var killed sync.Once
	_, err := Run(t.Context(), cfg, func(p Progress) {
		if p.Phase == "measuring" {
			killed.Do(func() {
				_ = process.Process.Kill()
				_ = process.Wait()
			})
		}
	})
	if parley.KindOf(err) != parley.Unavailable || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("got %v", err)
	}
}

// TestServerFailures says what a server did, not that the run failed.
func TestServerFailures(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the generator runs on Linux only")
	}
	e := &echo{t: t, role: webrtc.DTLSRoleServer, wanted: 9, open: map[string]*webrtc.PeerConnection{}} // nobody may ever watch
	server := httptest.NewServer(e)
	defer e.tasks.Wait()
	defer server.Close()
	cfg := DefaultConfig(Livestream)
	cfg.Size = Size{Subscribers: 1}
	cfg.WHIP, cfg.WHEP = server.URL+"/whip/{id}", server.URL+"/whep/{id}"
	cfg.Setup = time.Second
	_, err := Run(t.Context(), cfg, nil)
	if err == nil || !strings.Contains(err.Error(), "who are you?") {
		t.Errorf("a refusal: %v", err)
	}
	cfg.Bearer = "secret"
	if _, err = Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "nothing yet") {
		t.Errorf("what is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Run(ctx, cfg, nil); err == nil {
		t.Error("a run that was ended did not fail")
	}
	cfg.WHIP, cfg.WHEP = "", ""
	cfg.URL = server.URL
	if _, err = Run(t.Context(), cfg, nil); err == nil {
		t.Error("a server that is no parley was taken for one")
	}
}
