package recorder_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/recorder"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// house is one region with a recorder over it.
type house struct {
	*recorder.Recorder

	t       *testing.T
	keep    *parley.Keep
	meeting parley.Meeting
	stop    func()
	spool   string
}

// refusing are objects that refuse what comes while on.
type refusing struct {
	parley.Objects

	on atomic.Bool
}

func (r *refusing) Put(ctx context.Context, info parley.ObjectInfo, content io.Reader) error {
	if r.on.Load() {
		return fmt.Errorf("the store is down: %w", parley.Unavailable)
	}
	return r.Objects.Put(ctx, info, content)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openKeep(t *testing.T, region parley.Region) *parley.Keep {
	t.Helper()
	dir := t.TempDir()
	store, err := objects.OpenDir(filepath.Join(dir, "objects"))
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	rows, err := catalog.Open(t.Context(), filepath.Join(dir, "catalog.db"))
	must(t, err)
	t.Cleanup(func() { _ = rows.Close() })
	return &parley.Keep{
		Region: region, Objects: store, Meetings: rows, Participants: rows, Chats: rows,
		Recordings: rows, Transcripts: rows, Actions: rows,
	}
}

// open makes a house with a live meeting.
func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, keep: openKeep(t, "hk"), spool: filepath.Join(t.TempDir(), "spool")}
	h.meeting = parley.Meeting{ID: "abc-defg-hij", Region: "hk", Zone: "UTC", Record: true, State: parley.Scheduled, Created: began}
	must(t, h.keep.Meetings.CreateMeeting(t.Context(), h.meeting))
	var err error
	h.meeting, err = h.keep.Meetings.BeginMeeting(t.Context(), h.meeting.ID, began)
	must(t, err)
	h.build(recorder.DefaultConfig())
	return h
}

// build makes a recorder as a start of the server does.
func (h *house) build(cfg recorder.Config) {
	h.t.Helper()
	cfg.Spool = h.spool
	r, err := recorder.New(cfg, parley.Regions{"hk": h.keep}, zap.NewNop(), prometheus.NewRegistry())
	must(h.t, err)
	h.Recorder = r
}

// run runs it until stop.
func (h *house) run() {
	h.t.Helper()
	must(h.t, h.Recover(h.t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.stop = func() {
		h.stop = func() {}
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
	h.t.Cleanup(func() { h.stop() })
}

func voiceTrack(n int) parley.Track {
	return parley.Track{
		ID: parley.TrackID(fmt.Sprintf("track-%d", n)), Meeting: "abc-defg-hij", Participant: "p1",
		Source: parley.Microphone, Codec: "audio/opus", ClockRate: 48000, Channels: 2,
	}
}

// track opens a tap, waiting for Run to be ready.
func (h *house) track(t parley.Track, arrived time.Time) *recorder.Track {
	h.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; {
		tap, err := h.Track(h.meeting, t, arrived)
		if err == nil {
			return tap
		}
		if !errors.Is(err, parley.Unavailable) || time.Now().After(deadline) {
			h.t.Fatal(err)
		}
	}
}

// speak writes packets of 20 ms, numbered from first; lost ones are left out.
func speak(tap *recorder.Track, start time.Duration, first, count int, lost func(int) bool) {
	for i := first; i < first+count; i++ {
		if lost != nil && lost(i) {
			continue
		}
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 960)}, Payload: []byte{0xFC, byte(i), 1, 2, 3}}
		tap.Write(p, began.Add(start+time.Duration(i-first)*20*time.Millisecond))
	}
}

func (h *house) seal(ended time.Duration) parley.Recording {
	h.t.Helper()
	must(h.t, h.keep.Meetings.EndMeeting(h.t.Context(), h.meeting.ID, began.Add(ended)))
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	must(h.t, h.Seal(ctx, "hk", h.meeting.ID))
	must(h.t, h.Seal(ctx, "hk", h.meeting.ID)) // again changes nothing
	recording, err := h.keep.Recordings.Recording(h.t.Context(), h.meeting.ID)
	must(h.t, err)
	return recording
}

// bytesOf joins the segments of a track, checking every hash.
func (h *house) bytesOf(t parley.RecordedTrack) []byte {
	h.t.Helper()
	var all []byte
	for i, s := range t.Segments {
		if s.Number != i {
			h.t.Errorf("segment %d stands at %d", s.Number, i)
		}
		r, err := h.keep.Objects.Open(h.t.Context(), s.Key, 0, -1)
		must(h.t, err)
		content, err := io.ReadAll(r)
		must(h.t, errors.Join(err, r.Close()))
		if sum := parley.Hash(sha256.Sum256(content)); sum != s.SHA256 {
			h.t.Errorf("segment %d has another hash", i)
		}
		all = append(all, content...)
	}
	return all
}

func (h *house) times(t parley.RecordedTrack) []time.Duration {
	h.t.Helper()
	var at []time.Duration
	for b, err := range container.Blocks(h.bytesOf(t)) {
		must(h.t, err)
		at = append(at, b.At)
	}
	return at
}

func TestATrackBecomesSealedSegments(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run()
	tap := h.track(voiceTrack(1), began.Add(1500*time.Millisecond))
	speak(tap, 1500*time.Millisecond, 65500, 250, nil) // sequence numbers wrap
	tap.Close()
	recording := h.seal(10 * time.Second)
	if !recording.Sealed || len(recording.Tracks) != 1 {
		t.Fatalf("sealed %v, %d tracks", recording.Sealed, len(recording.Tracks))
	}
	track := recording.Tracks[0]
	if track.Started != 1500*time.Millisecond || track.Ended != 6500*time.Millisecond || len(track.Gaps) != 0 {
		t.Errorf("track from %v to %v, gaps %v", track.Started, track.Ended, track.Gaps)
	}
	if len(track.Segments) != 4 || track.Segments[2].Start != 3500*time.Millisecond {
		t.Errorf("segments %+v", track.Segments)
	}
	at := h.times(track)
	if len(at) != 250 || at[0] != 1500*time.Millisecond || at[249] != 6480*time.Millisecond {
		t.Errorf("%d frames, from %v", len(at), at[0])
	}
	h.wantManifest(recording)
	wantProbe(t, h.bytesOf(track), "opus,250")
	if left, _ := filepath.Glob(filepath.Join(h.spool, "*", "*", "*")); len(left) != 0 {
		t.Errorf("left in the spool: %v", left)
	}
}

// wantManifest holds the stored manifest to the rows.
func (h *house) wantManifest(recording parley.Recording) {
	h.t.Helper()
	r, err := h.keep.Objects.Open(h.t.Context(), recording.Manifest, 0, -1)
	must(h.t, err)
	content, err := io.ReadAll(r)
	must(h.t, errors.Join(err, r.Close()))
	if parley.Hash(sha256.Sum256(content)) != recording.SHA256 {
		h.t.Error("the manifest has another hash than its row")
	}
	var m parley.Manifest
	must(h.t, json.Unmarshal(content, &m))
	if m.Version != 1 || m.Meeting != h.meeting.ID || m.Region != "hk" || len(m.Tracks) != len(recording.Tracks) {
		h.t.Errorf("manifest %+v", m)
	}
	for i, track := range m.Tracks {
		if len(track.Segments) != len(recording.Tracks[i].Segments) {
			h.t.Errorf("track %d has %d segments in the manifest", i, len(track.Segments))
		}
	}
}

func wantProbe(t *testing.T, webm []byte, want string) {
	t.Helper()
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Log("ffprobe is not installed: the file is not probed")
		return
	}
	path := filepath.Join(t.TempDir(), "track.webm")
	must(t, os.WriteFile(path, webm, 0o600))
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_packets", "-show_entries",
		"stream=codec_name,nb_read_packets", "-of", "csv=p=0", path).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Errorf("ffprobe says %q, %v; want %q", got, err, want)
	}
}

func TestWhatIsLostIsAGap(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run()
	tap := h.track(voiceTrack(1), began)
	speak(tap, 0, 0, 200, func(i int) bool { return i == 20 || i >= 100 && i < 150 })
	tap.Close()
	track := h.seal(5 * time.Second).Tracks[0]
	if len(track.Gaps) != 1 || track.Gaps[0].Reason != parley.GapLoss ||
		track.Gaps[0].Start != 2*time.Second || track.Gaps[0].End != 3*time.Second {
		t.Errorf("gaps %+v", track.Gaps)
	}
	if at := h.times(track); len(at) != 149 {
		t.Errorf("%d frames", len(at))
	}
}

func TestAPauseIsNoGap(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run()
	tap := h.track(voiceTrack(1), began)
	speak(tap, 0, 0, 100, nil)
	// 20 s later the browser goes on where its RTP time stood.
	speak(tap, 22*time.Second, 100, 100, nil)
	tap.Close()
	track := h.seal(30 * time.Second).Tracks[0]
	at := h.times(track)
	if len(track.Gaps) != 0 || len(at) != 200 || at[100] != 22*time.Second {
		t.Errorf("gaps %+v, %d frames, resumed at %v", track.Gaps, len(at), at[100])
	}
}

func TestPicturesBeginWithAKeyframe(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run()
	tap := h.track(cameraTrack("video/VP8"), began)
	key := []byte{0x10, 0x10, 2, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1, 9, 9, 9}
	for i := range 90 {
		payload, tail := []byte{0x10, 0x11, 2, 0, 7, 7}, []byte{0x00, 1, 2, 3} // a picture of two packets
		if i == 15 || i == 60 {
			payload = key
		}
		at := began.Add(time.Duration(i) * time.Second / 15)
		head := rtp.Header{SequenceNumber: uint16(2 * i), Timestamp: uint32(i * 6000)}
		tap.Write(&rtp.Packet{Header: head, Payload: payload}, at)
		if i == 30 {
			continue // half of a picture is none
		}
		head.SequenceNumber, head.Marker = head.SequenceNumber+1, true
		tap.Write(&rtp.Packet{Header: head, Payload: tail}, at)
	}
	tap.Close()
	track := h.seal(10 * time.Second).Tracks[0]
	n := 0
	for b, err := range container.Blocks(h.bytesOf(track)) {
		must(t, err)
		if n == 0 && (!b.Keyframe || b.At.Round(time.Millisecond) != time.Second) {
			t.Errorf("begins at %v, keyframe %v", b.At, b.Keyframe)
		}
		n++
	}
	if n != 74 {
		t.Errorf("%d pictures, want 74", n)
	}
	if !bytes.Contains(h.bytesOf(track)[:400], []byte("V_VP8")) {
		t.Error("the header names no codec")
	}
}

func TestACodecWithoutPlaceIsToldOf(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run()
	track := voiceTrack(1)
	track.Codec = "video/AV1"
	if _, err := h.Track(h.meeting, track, began); !errors.Is(err, parley.Invalid) {
		t.Error(err)
	}
	if h.Trouble(h.meeting.ID) == "" {
		t.Error("nobody is told")
	}
}

func TestARegionThatIsDownDelaysOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	down := &refusing{Objects: h.keep.Objects}
	down.on.Store(true)
	h.keep.Objects = down
	h.run()
	tap := h.track(voiceTrack(1), began)
	speak(tap, 0, 0, 200, nil)
	tap.Close()
	for deadline := time.Now().Add(5 * time.Second); h.Trouble(h.meeting.ID) == ""; {
		if time.Now().After(deadline) {
			t.Fatal("nobody is told")
		}
	}
	down.on.Store(false)
	if n := len(h.times(h.seal(5 * time.Second).Tracks[0])); n != 200 {
		t.Errorf("%d frames", n)
	}
	if trouble := h.Trouble(h.meeting.ID); trouble != "" {
		t.Error("still in trouble:", trouble)
	}
}

// TestAKilledProcessLosesAlmostNothing leaves the spool as a kill does: whole files, a torn one, rows
// of an open track. (The e2e tests kill a real one.)
func TestAKilledProcessLosesAlmostNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	down := &refusing{Objects: h.keep.Objects}
	down.on.Store(true)
	h.keep.Objects = down
	cfg := recorder.DefaultConfig()
	cfg.DrainTimeout = 0
	h.build(cfg)
	h.run()
	tap := h.track(voiceTrack(1), began)
	speak(tap, 0, 0, 300, nil)
	tap.Close()
	h.stop()
	tear(t, h.spool)

	down.on.Store(false)
	h.build(recorder.DefaultConfig())
	h.run()
	track := h.seal(10 * time.Second).Tracks[0]
	at := h.times(track)
	if len(at) != 299 || at[298] != 5960*time.Millisecond {
		t.Errorf("%d frames", len(at))
	}
	if len(track.Gaps) != 1 || track.Gaps[0].Reason != parley.GapCrash || track.Gaps[0].Start != 5980*time.Millisecond ||
		track.Ended != 5980*time.Millisecond {
		t.Errorf("ended %v, gaps %+v", track.Ended, track.Gaps)
	}
	wantProbe(t, h.bytesOf(track), "opus,299")
}

// tear cuts the last byte off the last file of the spool and makes it one that is being written.
func tear(t *testing.T, spool string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(spool, "*", "*", "*", "*.webm"))
	must(t, err)
	last := files[len(files)-1]
	content, err := os.ReadFile(last)
	must(t, err)
	must(t, os.Remove(last))
	must(t, os.WriteFile(strings.TrimSuffix(last, ".webm")+".part", content[:len(content)-1], 0o600))
}

func TestAFullDiskIsToldOfAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	h := open(t)
	must(t, os.MkdirAll(h.spool, 0o700))
	if err := syscall.Mount("tmpfs", h.spool, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("a small disk cannot be mounted here:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(h.spool, 0) })
	h.build(recorder.DefaultConfig())
	h.run()
	filler := filepath.Join(h.spool, "filler")
	tap := h.track(voiceTrack(1), began)
	speak(tap, 0, 0, 120, nil)
	h.wantTrack(func(r parley.Recording) bool { return len(r.Tracks) == 1 && len(r.Tracks[0].Segments) >= 2 })
	_ = os.WriteFile(filler, make([]byte, 256<<10), 0o600) // as much as there is room for
	for i := 120; h.Trouble(h.meeting.ID) == ""; i++ {
		if i > 120_000 {
			t.Fatal("nobody is told")
		}
		speak(tap, time.Duration(i)*20*time.Millisecond, i, 1, nil)
		time.Sleep(time.Millisecond)
	}
	must(t, os.Remove(filler))
	tap.Close()
	track := h.seal(time.Hour).Tracks[0]
	if at := h.times(track); len(at) < 110 {
		t.Errorf("only %d frames survive", len(at))
	}
	if len(track.Gaps) == 0 || track.Gaps[len(track.Gaps)-1].Reason != parley.GapDisk {
		t.Errorf("gaps %+v", track.Gaps)
	}
}

// wantTrack waits for rows.
func (h *house) wantTrack(ok func(parley.Recording) bool) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		recording, err := h.keep.Recordings.Recording(h.t.Context(), h.meeting.ID)
		must(h.t, err)
		if ok(recording) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("rows do not come: %+v", recording)
		}
	}
}

func TestAStoppedRecorderTakesNoTrack(t *testing.T) {
	t.Parallel()
	h := open(t)
	if _, err := h.Track(h.meeting, voiceTrack(1), began); !errors.Is(err, parley.Unavailable) {
		t.Error(err)
	}
	other := h.meeting
	other.Region = "nowhere"
	if _, err := h.Track(other, voiceTrack(1), began); !errors.Is(err, parley.NotFound) {
		t.Error(err)
	}
}

func TestAnUnwritableSpoolIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	cfg := recorder.DefaultConfig()
	cfg.Spool = filepath.Join(path, "spool")
	_, err := recorder.New(cfg, nil, zap.NewNop(), prometheus.NewRegistry())
	if err == nil || !strings.Contains(parley.SayOf(err), cfg.Spool) {
		t.Error(err)
	}
}
