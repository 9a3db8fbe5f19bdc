package container_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
)

// tone is a second of sound as Opus packets of 20 ms.
func tone(t testing.TB) [][]byte {
	t.Helper()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip("no Opus encoder in this build:", err)
	}
	packets := make([][]byte, 50)
	frame := make([]float32, 960)
	for i := range packets {
		for k := range frame {
			frame[k] = float32(k%96) / 200
		}
		packet, err := encoder.Encode(frame)
		if err != nil {
			t.Fatal(err)
		}
		packets[i] = bytes.Clone(packet)
	}
	return packets
}

func oggOf(t testing.TB, packets [][]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := container.NewOggWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.WritePacket(p, container.OpusSamples(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func readOgg(file []byte) ([][]byte, error) {
	r, err := container.NewOggReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	var packets [][]byte
	for {
		packet, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
		packets = append(packets, bytes.Clone(packet))
	}
}

func TestOggGivesBackItsPackets(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{0x08}, 255*3) // laces of 255 and a zero
	packets := append(tone(t), long, container.OpusSilence(long))
	file := oggOf(t, packets)
	got, err := readOgg(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(packets) {
		t.Fatalf("%d packets, want %d", len(got), len(packets))
	}
	for i := range got {
		if !bytes.Equal(got[i], packets[i]) {
			t.Fatalf("packet %d differs", i)
		}
	}
}

func TestOggSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	file := oggOf(t, tone(t))
	for name, broken := range map[string][]byte{
		"empty":      {},
		"text":       []byte("this is no sound"),
		"cut off":    file[:len(file)-10],
		"one bit":    func() []byte { b := bytes.Clone(file); b[200] ^= 1; return b }(),
		"no packets": file[:20],
	} {
		if _, err := readOgg(broken); !errors.Is(err, parley.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFFmpegReadsOggAndWebM(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("ffprobe is not installed")
	}
	packets := tone(t)
	webm, err := container.AppendHeader(nil, container.TrackSpec{Codec: "audio/opus", Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	const start = 75 * time.Minute
	for i, p := range packets {
		at := start + time.Duration(i)*20*time.Millisecond
		if i%25 == 0 {
			webm = container.AppendCluster(webm, at)
		}
		webm = container.AppendBlock(webm, start+time.Duration(i/25)*500*time.Millisecond, at, true, p)
	}
	for name, file := range map[string][]byte{"a.ogg": oggOf(t, packets), "a.webm": webm} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_packets", "-show_entries",
			"stream=codec_name,nb_read_packets", "-of", "csv=p=0", path).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != "opus,50" {
			t.Errorf("%s: ffprobe says %q, %v", name, got, err)
		}
	}
}

func TestBlocksAndTrim(t *testing.T) {
	t.Parallel()
	head, err := container.AppendHeader(nil, container.TrackSpec{Codec: "video/VP8", Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	segment := container.AppendCluster(nil, 12*time.Second)
	ends := []int{}
	for i := range 5 {
		frame := bytes.Repeat([]byte{byte(i)}, 300*i+1)
		segment = container.AppendBlock(segment, 12*time.Second, 12*time.Second+time.Duration(i-1)*40*time.Millisecond, i == 0, frame)
		ends = append(ends, len(segment))
	}
	n := 0
	for b, err := range container.Blocks(append(head, segment...)) {
		if err != nil {
			t.Fatal(err)
		}
		if want := 12*time.Second + time.Duration(n-1)*40*time.Millisecond; b.At != want || b.Keyframe != (n == 0) || len(b.Payload) != 300*n+1 {
			t.Errorf("block %d: at %v, %d bytes", n, b.At, len(b.Payload))
		}
		n++
	}
	if n != 5 {
		t.Fatalf("%d blocks", n)
	}
	for cut := range segment {
		want := 0
		for _, end := range ends {
			if end <= cut {
				want = end
			}
		}
		if got := container.Trim(segment[:cut]); len(got) != want {
			t.Fatalf("cut at %d: %d bytes left, want %d", cut, len(got), want)
		}
	}
}

func TestOpusSamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		packet []byte
		want   int
	}{
		{nil, 0},
		{[]byte{0x08}, 960},        // SILK 20 ms
		{[]byte{0x18}, 2880},       // SILK 60 ms
		{[]byte{0x79}, 1920},       // hybrid 20 ms, two frames
		{[]byte{0xFC}, 960},        // CELT 20 ms, stereo
		{[]byte{0xE0}, 120},        // CELT 2.5 ms
		{[]byte{0xFB}, 0},          // code 3 without its count
		{[]byte{0x1B, 0x03}, 0},    // 180 ms: too long
		{[]byte{0xFB, 0x06}, 5760}, // 120 ms
	} {
		if got := container.OpusSamples(c.packet); got != c.want {
			t.Errorf("%x: %d samples, want %d", c.packet, got, c.want)
		}
	}
	for toc := range 256 {
		if got := container.OpusSamples(container.OpusSilence([]byte{byte(toc)})); got != 960 {
			t.Errorf("silence after %02x has %d samples", toc, got)
		}
	}
}

func FuzzOgg(f *testing.F) {
	f.Add(oggOf(f, [][]byte{{0x08, 1, 2}, {0x08}}))
	f.Add([]byte("OggS"))
	f.Fuzz(func(_ *testing.T, file []byte) { _, _ = readOgg(file) })
}

func FuzzBlocks(f *testing.F) {
	f.Add(container.AppendBlock(container.AppendCluster(nil, time.Second), time.Second, time.Second, true, []byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, segment []byte) {
		trimmed := container.Trim(segment)
		n := 0
		for _, err := range container.Blocks(trimmed) {
			if err == nil {
				n++
			}
		}
		if len(trimmed) > 0 && n == 0 && container.Trim(trimmed) == nil {
			t.Error("trimmed to something that trims to nothing")
		}
	})
}
