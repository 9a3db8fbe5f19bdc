package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEvalPrintsFigures measures two sentences of the sample meeting.
func TestEvalPrintsFigures(t *testing.T) {
	t.Parallel()
	needEngine(t)
	directory := t.TempDir()
	sound, err := os.ReadFile("../cmd/parley/sample/02-victor-hale.ogg")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(directory, "victor.ogg"), sound, 0o600))
	manifest := filepath.Join(directory, "m.tsv")
	must(t, os.WriteFile(manifest, []byte("file\tlanguage\treference\nvictor.ogg\ten\tthe translators by friday\nvictor.ogg\ten\t\n"), 0o600))
	stdout, stderr, code := run(t, "transcribe", "--eval", manifest, "--json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var got struct {
		Engine, Model string
		CPUPerSecond  float64 `json:"cpu_per_second"`
		Languages     map[string]struct {
			Errors, Units int
			Rate, Seconds float64
		}
	}
	must(t, json.Unmarshal([]byte(stdout), &got))
	en := got.Languages["en"]
	if got.Engine != "sherpa" || got.Model != "whisper-base" || got.CPUPerSecond <= 0 || got.CPUPerSecond > 1 {
		t.Errorf("%s", stdout)
	}
	if en.Units != 4 || en.Errors == 0 || en.Rate < float64(en.Errors)/4-0.001 || en.Seconds < 1 {
		t.Errorf("%s", stdout)
	}
	if table, _, code := run(t, "transcribe", "--eval", manifest); code != 0 || !strings.Contains(table, "WER") {
		t.Errorf("exit code %d: %s", code, table)
	}
	must(t, os.WriteFile(manifest, []byte("sound\twords\n"), 0o600))
	if _, stderr, code := run(t, "transcribe", "--eval", manifest); code != 2 || !strings.Contains(stderr, "no column") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestModelsAreListedAndRefused tries what an operator does with models.
func TestModelsAreListedAndRefused(t *testing.T) {
	t.Parallel()
	needEngine(t)
	if list, stderr, code := run(t, "models", "list"); code != 0 || !strings.Contains(list, "whisper-base   ships") ||
		!strings.Contains(list, "7e1f3d7295e5f9f8c5613ce9a27a2dbc8a642769bd4d15f1f4b8f2392750b401") {
		t.Errorf("exit code %d: %s%s", code, list, stderr)
	}
	if out, _, code := run(t, "models", "verify"); code != 0 || strings.Count(out, ": good") != 2 {
		t.Errorf("exit code %d: %s", code, out)
	}
	file := filepath.Join(t.TempDir(), "m.tar.gz")
	must(t, os.WriteFile(file, []byte("no archive"), 0o600))
	for _, c := range []struct {
		say  string
		args []string
	}{
		{"checksum", []string{"pull", "m", "--from", file, "--sha256", strings.Repeat("0", 64)}},
		{"--sha256", []string{"pull", "m", "--from", file}},
		{"--sha256", []string{"pull", "http://127.0.0.1:1/m.tar.gz"}},
		{"not in the list", []string{"pull", "m"}},
		{"no model m", []string{"rm", "m"}},
	} {
		if _, stderr, code := run(t, append([]string{"models"}, c.args...)...); code == 0 || !strings.Contains(stderr, c.say) {
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr)
		}
	}
}

// TestAFileIsPutIntoWordsByTheServer sends sound, and what is none.
func TestAFileIsPutIntoWordsByTheServer(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, "")
	sound, err := os.ReadFile("../cmd/parley/sample/02-victor-hale.ogg")
	must(t, err)
	send := func(query string, body []byte, header ...string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/v1/transcriptions"+query, bytes.NewReader(body))
		must(t, err)
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		must(t, err)
		defer http.DefaultClient.CloseIdleConnections()
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		must(t, err)
		return response.StatusCode, string(text)
	}
	var status int
	var text string
	h.await("the engine runs", func() bool {
		status, text = send("?language=en", sound)
		return status != http.StatusServiceUnavailable
	})
	if status != http.StatusOK || !strings.Contains(strings.ToLower(text), "friday") || !strings.Contains(text, `"model":"whisper-base"`) {
		t.Errorf("%d: %s", status, text)
	}
	playlist := []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
	for name, body := range map[string][]byte{"text": []byte("no sound at all"), "nothing": {}, "half a header": sound[:20], "a list of files": playlist} {
		if status, text := send("", body); status != http.StatusBadRequest || strings.Contains(text, "root:") {
			t.Errorf("%s: %d: %s", name, status, text)
		}
	}
	if status, text := send("?language=tlh", sound); status != http.StatusBadRequest {
		t.Errorf("a language nobody speaks: %d: %s", status, text)
	}
	if status, _ := send("", sound, "Origin", "https://elsewhere.example.org"); status != http.StatusForbidden {
		t.Errorf("a page of another site: %d", status)
	}
}
