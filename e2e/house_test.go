package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/signaling/client"
)

// binary is the built program; set by TestMain.
var binary string

func TestMain(m *testing.M) {
	directory, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(directory, "parley")
	build := exec.Command("go", "build", "-o", binary, "github.com/parley/parley/cmd/parley")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build parley: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(directory)
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// needEngine skips a test that asserts words where no speech engine is installed.
func needEngine(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../bin/lib/libsherpa-onnx-c-api.so"); err != nil {
		t.Skip("no speech engine: run make engine")
	}
}

// run runs one command to its end.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), speechEnv(t)...)
	var out, err bytes.Buffer
	command.Stdout, command.Stderr = &out, &err
	if failed := command.Run(); failed != nil {
		if _, exited := errors.AsType[*exec.ExitError](failed); !exited {
			t.Fatal(failed)
		}
	}
	return out.String(), err.String(), command.ProcessState.ExitCode()
}

// speechEnv says where the built engine is: the binary of the tests has none beside it.
func speechEnv(t *testing.T) []string {
	t.Helper()
	root, err := filepath.Abs("..")
	must(t, err)
	return []string{"PARLEY_SHERPA_LIB=" + filepath.Join(root, "bin/lib"), "PARLEY_MODELS=" + filepath.Join(root, "transcribe/weights")}
}

// house is a server as a process of its own, that can be killed and started again over its data.
type house struct {
	t       *testing.T
	dir     string
	config  string
	url     string
	private string
	env     []string
	process *exec.Cmd
	logged  *bytes.Buffer
	exited  chan struct{}
	tokens  map[string]string // by name: an identity each
}

// openHouse writes a configuration, %s of which is the directory of the test, and starts the server.
func openHouse(t *testing.T, extra string) *house {
	t.Helper()
	h := prepareHouse(t, extra)
	h.start()
	return h
}

func prepareHouse(t *testing.T, extra string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), env: speechEnv(t), tokens: map[string]string{}}
	listen, private := freePort(t), freePort(t)
	h.url, h.private = "http://"+listen, "http://"+private
	h.config = filepath.Join(h.dir, "parley.yaml")
	text := fmt.Sprintf("listen: %s\nprivate_listen: %s\ndata: %s\nsfu:\n  udp_address: %s\n", listen, private,
		filepath.Join(h.dir, "data"), freePort(t))
	must(t, os.WriteFile(h.config, []byte(text+strings.ReplaceAll(extra, "%s", h.dir)), 0o600))
	t.Cleanup(func() {
		if h.process != nil {
			h.stop(syscall.SIGTERM)
		}
	})
	return h
}

// freePort finds a port that is free for both TCP and UDP just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start starts the server and waits until it serves.
func (h *house) start() {
	h.t.Helper()
	h.process = exec.Command(binary, "serve", "--config", h.config)
	h.process.Env = append(os.Environ(), h.env...)
	h.logged = &bytes.Buffer{}
	h.process.Stderr = h.logged
	stdout, err := h.process.StdoutPipe()
	must(h.t, err)
	must(h.t, h.process.Start())
	h.exited = make(chan struct{})
	process, exited, logged := h.process, h.exited, h.logged
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		if err := process.Wait(); err != nil && os.Getenv("PARLEY_E2E_LOG") != "" {
			fmt.Fprintln(os.Stderr, err, logged.String())
		}
		close(exited)
	}()
	h.await("the server serves", func() bool {
		select {
		case <-exited:
			h.t.Fatalf("the server has ended: %s", logged.String())
		default:
		}
		return h.get("/api/v1/session", "", nil) == http.StatusOK
	})
}

// stop ends the server by a signal and waits.
func (h *house) stop(signal syscall.Signal) {
	_ = h.process.Process.Signal(signal)
	select {
	case <-h.exited:
	case <-time.After(60 * time.Second):
		_ = h.process.Process.Kill()
		h.t.Errorf("the server does not end after %v", signal)
	}
}

// await polls until ok.
func (h *house) await(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not in time; the server's log:\n%s", what, h.logged.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// get asks for JSON with a bearer token; it returns the status.
func (h *house) get(path, token string, into any) int {
	h.t.Helper()
	status, body := h.fetch(path, token)
	if into != nil && status == http.StatusOK {
		must(h.t, json.Unmarshal(body, into))
	}
	return status
}

func (h *house) fetch(path, token string) (status int, body []byte) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+path, nil)
	must(h.t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	must(h.t, err)
	return response.StatusCode, body
}

// create makes a meeting, as a browser on this machine may.
func (h *house) create(body string) parley.MeetingID {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+"/api/v1/meetings", strings.NewReader(body))
	must(h.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	must(h.t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = response.Body.Close() }()
	var made struct {
		Meeting struct {
			ID parley.MeetingID `json:"id"`
		} `json:"meeting"`
	}
	text, err := io.ReadAll(response.Body)
	must(h.t, err)
	if response.StatusCode != http.StatusCreated {
		h.t.Fatalf("create meeting: %d %s", response.StatusCode, text)
	}
	must(h.t, json.Unmarshal(text, &made))
	return made.Meeting.ID
}

// token makes a bearer token by the command line.
func (h *house) token(id parley.MeetingID, name, scope string) string {
	h.t.Helper()
	out, said, code := run(h.t, "token", "--config", h.config, "--meeting", string(id), "--name", name, "--scope", scope)
	if code != 0 {
		h.t.Fatalf("parley token: %d %s", code, said)
	}
	return strings.TrimSpace(out)
}

// join takes part.
func (h *house) join(id parley.MeetingID, name string, consent parley.Consent, resume string) *client.Client {
	h.t.Helper()
	if h.tokens[name] == "" {
		h.tokens[name] = h.token(id, name, "host")
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	c, err := client.Join(ctx, client.Config{
		URL: h.url, Meeting: id, Token: h.tokens[name], Name: name, Consent: consent, Resume: resume,
		Sources: []parley.Source{parley.Microphone}, Voices: 4,
	})
	must(h.t, err)
	h.t.Cleanup(c.Close)
	return c
}

// record is what the interface says of a record.
type record struct {
	Meeting struct {
		State parley.MeetingState `json:"state"`
	} `json:"meeting"`
	Participants []struct {
		ID       parley.ParticipantID `json:"id"`
		Name     string               `json:"name"`
		Recorded bool                 `json:"recorded"`
	} `json:"participants"`
	Recording struct {
		Sealed bool          `json:"sealed"`
		Tracks []recordTrack `json:"tracks"`
	} `json:"recording"`
	Utterances []struct {
		ID          parley.UtteranceID    `json:"id"`
		Participant parley.ParticipantID  `json:"participant"`
		StartMS     int64                 `json:"start_ms"`
		EndMS       int64                 `json:"end_ms"`
		Text        string                `json:"text"`
		State       parley.UtteranceState `json:"state"`
	} `json:"utterances"`
	Minutes *struct {
		Final bool `json:"final"`
		Items []struct {
			Task     string               `json:"task"`
			Evidence []parley.UtteranceID `json:"evidence"`
			Quote    string               `json:"quote"`
		} `json:"items"`
	} `json:"minutes"`
	Pending int `json:"pending"`
}

type recordTrack struct {
	ID          parley.TrackID       `json:"id"`
	Participant parley.ParticipantID `json:"participant"`
	StartMS     int64                `json:"start_ms"`
	EndMS       int64                `json:"end_ms"`
	Segments    []struct {
		Number  int   `json:"number"`
		StartMS int64 `json:"start_ms"`
		EndMS   int64 `json:"end_ms"`
	} `json:"segments"`
	Gaps []struct {
		StartMS int64            `json:"start_ms"`
		EndMS   int64            `json:"end_ms"`
		Reason  parley.GapReason `json:"reason"`
	} `json:"gaps"`
}

func (h *house) record(id parley.MeetingID, token string) record {
	h.t.Helper()
	var r record
	if status := h.get("/api/v1/records/"+string(id), token, &r); status != http.StatusOK {
		h.t.Fatalf("read record: %d", status)
	}
	return r
}

// finished waits for the final record.
func (h *house) finished(id parley.MeetingID, token string) record {
	h.t.Helper()
	var r record
	h.await("the record is final", func() bool {
		r = h.record(id, token)
		return r.Recording.Sealed && r.Minutes != nil && r.Minutes.Final && r.Pending == 0
	})
	return r
}

// track joins the segments of a recorded track into one WebM file.
func (h *house) track(id parley.MeetingID, token string, t recordTrack) []byte {
	h.t.Helper()
	var all []byte
	for _, s := range t.Segments {
		status, content := h.fetch(fmt.Sprintf("/api/v1/records/%s/tracks/%s/segments/%d", id, t.ID, s.Number), token)
		if status != http.StatusOK {
			h.t.Fatalf("segment %d: %d", s.Number, status)
		}
		all = append(all, content...)
	}
	return all
}

// blocks are the times of the frames in a track.
func blocks(t *testing.T, webm []byte) []time.Duration {
	t.Helper()
	var at []time.Duration
	for b, err := range container.Blocks(webm) {
		must(t, err)
		at = append(at, b.At)
	}
	return at
}

// wantPlayable has ffmpeg decode a track, every error being one.
func wantPlayable(t *testing.T, webm []byte) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Log("ffmpeg is not installed: the file is not decoded")
		return
	}
	path := filepath.Join(t.TempDir(), "track.webm")
	must(t, os.WriteFile(path, webm, 0o600))
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v %s", err, out)
	}
}

// sample is one sound of the sample meeting.
func sample(t *testing.T, name string) [][]byte {
	t.Helper()
	file, err := os.Open(filepath.Join("../cmd/parley/sample", name))
	must(t, err)
	defer func() { _ = file.Close() }()
	ogg, err := container.NewOggReader(bufio.NewReader(file))
	must(t, err)
	var packets [][]byte
	for {
		packet, _, err := ogg.Next()
		if errors.Is(err, io.EOF) {
			return packets
		}
		must(t, err)
		packets = append(packets, slices.Clone(packet))
	}
}

// endless repeats packets for ever.
func endless(packets [][]byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			for _, p := range packets {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// endlessFor repeats packets of 20 ms until they last as long as d.
func endlessFor(packets [][]byte, d time.Duration) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range int(d / (20 * time.Millisecond)) {
			if !yield(packets[i%len(packets)]) {
				return
			}
		}
	}
}

// children finds the processes a process has started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	must(t, err)
	var pids []int
	for _, path := range lists {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(field)
			must(t, err)
			pids = append(pids, child)
		}
	}
	return pids
}
