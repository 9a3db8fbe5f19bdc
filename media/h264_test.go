package media_test

import (
	"encoding/hex"
	"testing"

	"github.com/parley/parley/media"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestH264Sizes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parameters    string
		width, height int
	}{
		"Chromium":                          {"6742c01f8c8d405017fcb35060606078442350", 640, 360},
		"Chromium, half":                    {"6742c0158c8d40a0cbcf350606060784423500", 320, 180},
		"baseline":                          {"6742c01fd9005005bb011000000300100000030020f1832480", 1280, 720},
		"high, cropped":                     {"67640028acd940780227e5c044000003000400000300083c60c658", 1920, 1080},
		"4:4:4, odd":                        {"67f40016919b281485fc2136022000000300200000030041e2c5b2c0", 641, 363},
		"interlaced, with scaling matrices": {"6764001eacd940b424d8088000000300800000190f8a14cb", 720, 576},
	} {
		sps := unhex(t, c.parameters)
		width, height, ok := media.H264Size(sps)
		if !ok || width != c.width || height != c.height {
			t.Errorf("%s: %d x %d, %v", name, width, height, ok)
		}
		for cut := range 8 {
			if width, height, ok := media.H264Size(sps[:cut]); ok {
				t.Errorf("%s: %d bytes of it are %d x %d", name, cut, width, height)
			}
		}
	}
	if _, _, ok := media.H264Size(unhex(t, "65b80004")); ok {
		t.Error("a slice has a size")
	}
}

func TestH264Heads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		head    bool
	}{
		"delimiter":                      {"0910", true},
		"delimiter that says nothing":    {"09", true},
		"parameters":                     {"6742c01f", true},
		"first slice":                    {"419a", true},
		"second slice":                   {"4101", false},
		"first key slice":                {"6588", true},
		"aggregate of parameters":        {"78000267420001680002", true},
		"aggregate of a second slice":    {"7800024101", false},
		"aggregate cut short":            {"780009419a", false},
		"aggregate in an aggregate":      {"78000578000241ff", false},
		"first fragment of first slice":  {"7c8588", true},
		"first fragment of second slice": {"7c8508", false},
		"later fragment":                 {"7c0588", false},
		"nothing":                        {"", false},
	} {
		if got := media.H264Head(unhex(t, c.payload)); got != c.head {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzH264(f *testing.F) {
	f.Add(unhex(f, "67f40016919b281485fc2136022000000300200000030041e2c5b2c0"))
	f.Add(unhex(f, "780013"+"6742c01f8c8d405017fcb35060606078442350"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		media.H264Head(payload)
		media.H264Continues(payload)
		width, height, ok := media.H264Size(media.H264Parameters(payload))
		if ok != (width > 0 && height > 0) {
			t.Errorf("%d x %d, %v", width, height, ok)
		}
	})
}
