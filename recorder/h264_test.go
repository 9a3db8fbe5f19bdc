package recorder_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
)

// captured are the packets that headless Chromium sent of one H.264 encoding, and when. The records are told of in
// sfu/decode_test.go.
func captured(t *testing.T, rid byte) (packets []*rtp.Packet, after []time.Duration) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "sfu", "testdata", "h264.rtp"))
	must(t, err)
	var at time.Duration
	for len(b) > 5 {
		size := int(binary.BigEndian.Uint16(b[3:]))
		at += time.Duration(binary.BigEndian.Uint16(b)) * time.Millisecond
		if b[2] == rid {
			p := &rtp.Packet{}
			must(t, p.Unmarshal(b[5:5+size]))
			packets, after = append(packets, p), append(after, at)
		}
		b = b[5+size:]
	}
	return packets, after
}

// cameraTrack is a track of pictures.
func cameraTrack(codec string) parley.Track {
	t := voiceTrack(1)
	t.Source, t.Codec, t.ClockRate, t.Channels = parley.Camera, codec, 90000, 0
	return t
}

// recordH264 records what keep lets through, and has ffmpeg decode it: how many pictures, how large.
func recordH264(t *testing.T, keep func(i int, p *rtp.Packet) bool) (pictures, width, height int, said string) {
	t.Helper()
	h := open(t)
	h.run()
	tap := h.track(cameraTrack("video/H264"), began)
	packets, after := captured(t, 'f')
	for i, p := range packets {
		if keep(i, p) {
			tap.Write(p, began.Add(after[i]))
		}
	}
	tap.Close()
	file := filepath.Join(t.TempDir(), "track.webm")
	must(t, os.WriteFile(file, h.bytesOf(h.seal(10 * time.Second).Tracks[0]), 0o600))
	complaints, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-f", "null", "-").CombinedOutput()
	must(t, err)
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames,width,height",
		"-of", "csv=p=0", file).Output()
	must(t, err)
	fields := strings.Split(strings.TrimSpace(string(out)), ",")
	if len(fields) != 3 {
		t.Fatalf("ffprobe says %q", out)
	}
	numbers := [3]int{}
	for i := range numbers {
		numbers[i], err = strconv.Atoi(fields[i])
		must(t, err)
	}
	return numbers[2], numbers[0], numbers[1], string(complaints)
}

// pictures counts those that are whole in a capture.
func pictures(packets []*rtp.Packet) (n int) {
	for _, p := range packets {
		if p.Marker {
			n++
		}
	}
	return n
}

func TestH264IsRecorded(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	packets, _ := captured(t, 'f')
	want := pictures(packets)
	n, width, height, said := recordH264(t, func(int, *rtp.Packet) bool { return true })
	if n != want || width != 640 || height != 360 || said != "" {
		t.Errorf("%d of %d pictures of %d x %d; ffmpeg says %q", n, want, width, height, said)
	}
}

// TestHalfAPictureOfH264IsNone: of a picture whose first packet is lost nothing is kept, nor of one whose fragments
// are not all there.
func TestHalfAPictureOfH264IsNone(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	packets, _ := captured(t, 'f')
	last := packets[len(packets)-1].Timestamp
	dropped := false
	n, _, _, said := recordH264(t, func(_ int, p *rtp.Packet) bool {
		if p.Timestamp == last && !dropped {
			dropped = true
			return false
		}
		return true
	})
	if want := pictures(packets) - 1; n != want || said != "" {
		t.Errorf("%d of %d pictures; ffmpeg says %q", n, want, said)
	}
}
