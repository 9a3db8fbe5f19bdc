package e2e

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
)

const twoRegions = quickGrace + `regions:
  - name: here
    directory: "%s/here"
  - name: there
    directory: "%s/there"
`

// TestBytesOfAMeetingRestInItsRegion holds a meeting in the second region and looks for its name, its
// chat, its words and its media everywhere else.
func TestBytesOfAMeetingRestInItsRegion(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, twoRegions)
	id := h.create(`{"title":"Quixotic Zeppelin","region":"there"}`)
	reader := h.token(id, "reader", "host")
	victor := h.join(id, "Victor Xylander", parley.Granted, "")
	declined := h.join(id, "Declining Dora", parley.Declined, "")
	must(t, victor.Chat("a marker: flibbertigibbet"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	silent := make(chan error, 1)
	go func() { silent <- declined.Play(ctx, slices.Values(sample(t, "03-nora-lind.ogg"))) }()
	must(t, victor.Play(ctx, slices.Values(sample(t, "02-victor-hale.ogg"))))
	must(t, <-silent)
	must(t, victor.End(ctx))
	r := h.finished(id, reader)

	if len(r.Recording.Tracks) != 1 {
		t.Errorf("%d tracks: one of two agreed to be recorded", len(r.Recording.Tracks))
	}
	for _, p := range r.Participants {
		for _, u := range r.Utterances {
			if p.Name == "Declining Dora" && u.Participant == p.ID {
				t.Error("somebody who declined was put into words")
			}
		}
	}
	if !strings.Contains(strings.ToLower(textOf(r)), "translators") {
		t.Errorf("words: %q", textOf(r))
	}
	h.stop(15)
	markers := []string{"Quixotic", "Xylander", "Dora", "flibbertigibbet", "translators", "OpusHead"}
	for name, found := range grep(t, h.dir, markers) {
		inside := strings.HasPrefix(name, filepath.Join(h.dir, "there")+string(filepath.Separator))
		if !inside {
			t.Errorf("%q is in %s", found, strings.TrimPrefix(name, h.dir))
		}
	}
	for _, marker := range markers {
		if len(grep(t, filepath.Join(h.dir, "there"), []string{marker})) == 0 {
			t.Errorf("%q is nowhere: the test looks for the wrong thing", marker)
		}
	}
	if strings.Contains(h.logged.String(), "Xylander") || strings.Contains(h.logged.String(), "translators") {
		t.Error("the log has a name or words in it")
	}
}

// grep finds the files under a directory that hold one of the markers, as UTF-8 or UTF-16.
func grep(t *testing.T, directory string, markers []string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, marker := range markers {
			if bytes.Contains(content, []byte(marker)) {
				found[path] = marker
			}
		}
		return nil
	}))
	return found
}

// openHouseEnv is openHouse with variables over the usual ones.
func openHouseEnv(t *testing.T, extra string, env []string) *house {
	t.Helper()
	h := prepareHouse(t, extra)
	h.env = append(h.env, env...)
	h.start()
	return h
}

// wantWordless holds a meeting of which who spoke when is kept, and the page is told why not more.
func wantWordless(t *testing.T, h *house, says string) {
	t.Helper()
	var session struct {
		Words struct {
			OK      bool   `json:"ok"`
			Missing string `json:"missing"`
		} `json:"words"`
	}
	h.get("/api/v1/session", "", &session)
	if session.Words.OK || !strings.Contains(session.Words.Missing, says) {
		t.Errorf("the page is told %+v", session.Words)
	}
	id := h.create(`{}`)
	reader := h.token(id, "reader", "host")
	ann := h.join(id, "Ann", parley.Granted, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, ann.Play(ctx, slices.Values(sample(t, "04-hamish-reid.ogg"))))
	must(t, ann.End(ctx))
	r := h.finished(id, reader)
	if len(r.Utterances) == 0 || r.Utterances[0].State != parley.Wordless || len(r.Recording.Tracks) != 1 {
		t.Errorf("%d tracks, utterances %+v", len(r.Recording.Tracks), r.Utterances)
	}
}
