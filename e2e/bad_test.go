package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatIsWrongIsSaidPlainly gives bad input to commands: each names the thing, says what to do, and
// shows no stack trace.
func TestWhatIsWrongIsSaidPlainly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = busy.Close() }()
	free := "private_listen: \"\"\nsfu: {udp_address: \"127.0.0.1:0\"}\ndata: " + filepath.Join(dir, "data") + "\n"
	script := write("bad-sound.tsv", "speaker\tfile\tstart\nAnn\tnoise.wav\t0\n")
	write("noise.wav", "RIFF is how it begins, and then it is noise")
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"no such command":         {[]string{"frobnicate"}, 2, []string{"frobnicate", "--help"}},
		"no such flag":            {[]string{"serve", "--loud"}, 2, []string{"--loud"}},
		"no such key":             {[]string{"serve", "--config", write("key.yaml", "listen: 127.0.0.1:0\nlissten: 1\n")}, 2, []string{"key.yaml", "lissten", "2"}},
		"a value out of range":    {[]string{"config", "check", "--config", write("range.yaml", "recorder:\n  queue_length: 0\n")}, 2, []string{"queue_length"}},
		"no configuration":        {[]string{"serve", "--config", filepath.Join(dir, "none.yaml")}, 2, []string{"none.yaml"}},
		"a port in use":           {[]string{"serve", "--config", write("port.yaml", free+"listen: "+busy.Addr().String()+"\n")}, 1, []string{busy.Addr().String(), "listen"}},
		"no data directory":       {[]string{"serve", "--config", write("data.yaml", "listen: 127.0.0.1:0\nprivate_listen: \"\"\nsfu: {udp_address: \"127.0.0.1:0\"}\ndata: /proc/parley\n")}, 1, []string{"/proc/parley"}},
		"a sound that is none":    {[]string{"demo", "--script", script}, 2, []string{"noise.wav"}},
		"a file that is none":     {[]string{"transcribe", filepath.Join(dir, "noise.wav")}, 2, []string{"noise.wav"}},
		"no file":                 {[]string{"transcribe", filepath.Join(dir, "gone.wav")}, 2, []string{"gone.wav"}},
		"no script":               {[]string{"demo", "--script", filepath.Join(dir, "gone.tsv")}, 2, []string{"gone.tsv"}},
		"a script of nothing":     {[]string{"demo", "--script", write("empty.tsv", "speaker\tfile\tstart\n")}, 2, []string{"empty.tsv"}},
		"a start that is no time": {[]string{"demo", "--start", "tomorrow"}, 2, []string{"--start"}},
		"no transcripts":          {[]string{"minutes", "--in", filepath.Join(dir, "gone.jsonl")}, 2, []string{"gone.jsonl"}},
		"a broken transcript":     {[]string{"minutes", "--in", write("broken.jsonl", "{\"meeting\":\n")}, 2, []string{"broken.jsonl", "1"}},
		"no such scope":           {[]string{"token", "--meeting", "abc-defg-hij", "--scope", "everything"}, 2, []string{"everything"}},
	} {
		_, said, code := run(t, c.args...)
		if code != c.code {
			t.Errorf("%s: exit %d, want %d: %s", name, code, c.code, said)
		}
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("%s: says %q, not %q", name, said, want)
			}
		}
		if strings.Contains(said, "goroutine ") || strings.Contains(said, ".go:") {
			t.Errorf("%s: shows a stack: %s", name, said)
		}
	}
}

// TestEveryCommandExplainsItself asks each command for help.
func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "engine", "demo", "transcribe", "minutes", "token", "config check", "config print", "version"} {
		out, said, code := run(t, append(strings.Fields(command), "--help")...)
		if code != 0 || !strings.Contains(out, "Usage: parley "+command) {
			t.Errorf("%s: exit %d, %s%s", command, code, out, said)
		}
	}
}

// TestAMeetingGoesOnWithoutWords starts servers whose speech engine is missing or damaged.
func TestAMeetingGoesOnWithoutWords(t *testing.T) {
	t.Parallel()
	damaged := t.TempDir()
	weights, err := filepath.Abs("../transcribe/weights")
	must(t, err)
	for _, name := range []string{"whisper-base/encoder.int8.onnx", "whisper-base/decoder.int8.onnx", "silero-vad/silero_vad.onnx"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(damaged, name)), 0o700))
		must(t, os.Symlink(filepath.Join(weights, name), filepath.Join(damaged, name)))
	}
	must(t, os.WriteFile(filepath.Join(damaged, "whisper-base/tokens.txt"), []byte("damaged"), 0o600))
	for name, c := range map[string]struct {
		config string
		env    []string
		says   string
	}{
		"switched off":    {"transcribe:\n  engine: none\n", nil, "switched off"},
		"no library":      {"", []string{"PARLEY_SHERPA_LIB=" + damaged}, "PARLEY_SHERPA_LIB"},
		"damaged weights": {"", []string{"PARLEY_MODELS=" + damaged}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "damaged weights" {
				needEngine(t)
			}
			h := openHouseEnv(t, quickGrace+c.config, c.env)
			wantWordless(t, h, c.says)
		})
	}
}
