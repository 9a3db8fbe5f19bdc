package signaling

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parley/parley"
)

// TestCorpus decodes testdata/messages, which the browser app decodes too, and requires that nothing
// is lost: what was decoded encodes to the same JSON.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/messages/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	seen := map[Type]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			frame, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var decoded any
			if strings.HasPrefix(filepath.Base(file), "browser-") {
				decoded, _, err = decodeRequest(frame)
			} else {
				decoded, err = DecodeMessage(frame)
			}
			if err != nil {
				t.Fatalf("not accepted: %v", err)
			}
			wantSameJSON(t, frame, decoded)
		})
		seen[typeOf(t, file)] = true
	}
	for _, kind := range allTypes() {
		if !seen[kind] {
			t.Errorf("the corpus has no %q", kind)
		}
	}
}

// TestProtocolNamesEveryMessage holds docs/protocol.md to the list of types.
func TestProtocolNamesEveryMessage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range allTypes() {
		if !strings.Contains(string(text), "\n### "+string(kind)) {
			t.Errorf("docs/protocol.md has no heading for %q", kind)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("字", maxChat+1)
	for name, c := range map[string]struct {
		frame string
		kind  parley.Kind
		says  string
	}{
		"text that is not JSON":         {`hello`, parley.Invalid, "JSON object"},
		"an array":                      {`[]`, parley.Invalid, "JSON object"},
		"a message without type":        {`{"text":"x"}`, parley.Invalid, "no type"},
		"an unknown type":               {`{"type":"shout"}`, parley.Invalid, `"shout"`},
		"a server message":              {`{"type":"joined"}`, parley.Invalid, `"joined"`},
		"an unknown field":              {`{"type":"chat","text":"x","colour":1}`, parley.Invalid, `"colour"`},
		"a field of the wrong type":     {`{"type":"mute","source":"microphone","muted":"yes"}`, parley.Invalid, `"muted"`},
		"two objects in a frame":        {`{"type":"leave"}{"type":"leave"}`, parley.Invalid, "JSON"},
		"an empty chat line":            {`{"type":"chat","text":" \n"}`, parley.Invalid, "empty"},
		"a long chat line":              {`{"type":"chat","text":"` + long + `"}`, parley.TooLarge, "4000"},
		"a chat line with a long key":   {`{"type":"chat","text":"x","key":"` + strings.Repeat("k", maxKey+1) + `"}`, parley.TooLarge, "64"},
		"a chat line with an odd key":   {`{"type":"chat","text":"x","key":"a b"}`, parley.Invalid, "key"},
		"a key that is no ASCII":        {`{"type":"chat","text":"x","key":"鑰匙"}`, parley.Invalid, "key"},
		"a key that is a number":        {`{"type":"chat","text":"x","key":7}`, parley.Invalid, `"key"`},
		"a chat line with an author":    {`{"type":"chat","text":"x","participant":"p"}`, parley.Invalid, "alone"},
		"an unknown source":             {`{"type":"mute","source":"theremin","muted":true}`, parley.Invalid, `"theremin"`},
		"an offer without SDP":          {`{"type":"offer","seq":1,"sdp":"","sources":{}}`, parley.Invalid, "SDP"},
		"an unknown source in an offer": {`{"type":"offer","sdp":"v","sources":{"0":"x"}}`, parley.Invalid, `"x"`},
		"a seat without mid":            {`{"type":"seats","seats":[{"mid":"","track":""}]}`, parley.Invalid, "mid"},
		"a seat of negative size":       {`{"type":"seats","seats":[{"mid":"1","track":"","width":-1}]}`, parley.Invalid, "pixels"},
		"a third answer to consent":     {`{"type":"join","name":"a","consent":"maybe","offer":{"sdp":"v","sources":{}}}`, parley.Invalid, "consent"},
		"a name of two lines":           {`{"type":"join","name":"a\nb","consent":"","offer":{"sdp":"v","sources":{}}}`, parley.Invalid, "one line"},
		"a long name": {
			`{"type":"join","name":"` + strings.Repeat("n", 81) + `","consent":"","offer":{"sdp":"v","sources":{}}}`,
			parley.TooLarge, "80",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := decodeRequest([]byte(c.frame))
			if parley.KindOf(err) != c.kind || !strings.Contains(parley.SayOf(err), c.says) {
				t.Errorf("got %q (%s), want %s and %q in it", parley.SayOf(err), parley.KindOf(err), c.kind, c.says)
			}
		})
	}
}

// FuzzDecodeRequest: whatever a browser sends is either a message that checks out and survives a
// round trip, or an error with a kind and a short sentence.
func FuzzDecodeRequest(f *testing.F) {
	addCorpus(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		req, _, err := decodeRequest(frame)
		if err != nil {
			if kind := parley.KindOf(err); kind != parley.Invalid && kind != parley.TooLarge {
				t.Fatalf("an error of kind %s: %v", kind, err)
			}
			if say := parley.SayOf(err); len(say) > 400 {
				t.Fatalf("the sentence has %d bytes", len(say))
			}
			return
		}
		again, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := req.(*Offer); ok {
			return // Type is left out when empty, since Offer is also a part of Join
		}
		if _, _, err := decodeRequest(again); err != nil {
			t.Fatalf("accepted once, refused the second time: %v", err)
		}
	})
}

// FuzzDecodeMessage: a client must survive whatever a server sends.
func FuzzDecodeMessage(f *testing.F) {
	addCorpus(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if _, err := DecodeMessage(frame); err != nil && parley.KindOf(err) != parley.Invalid {
			t.Fatalf("an error of kind %s: %v", parley.KindOf(err), err)
		}
	})
}

func addCorpus(f *testing.F) {
	files, err := filepath.Glob("testdata/messages/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
}

func allTypes() []Type {
	return []Type{
		TypeJoin, TypeOffer, TypeCandidate, TypeSeats, TypeMute, TypeChat, TypePing, TypeLeave, TypeEnd,
		TypeJoined, TypeAnswer, TypeRoster, TypeCaption, TypeStatus, TypeMinutes, TypeEncodings, TypePong, TypeError,
		TypeEnded, TypeGoingAway,
	}
}

func typeOf(t *testing.T, file string) Type {
	t.Helper()
	frame, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kind, err := decodeType(frame)
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

// wantSameJSON compares as trees; empty texts count as left out.
func wantSameJSON(t *testing.T, frame []byte, decoded any) {
	t.Helper()
	encoded, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(frame, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if want, got := withoutEmpty(want), withoutEmpty(got); !reflect.DeepEqual(want, got) {
		t.Errorf("decoded and encoded again it is\n%v\nnot\n%v", got, want)
	}
}

func withoutEmpty(tree any) any {
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			if value == "" || value == float64(0) {
				delete(node, key)
				continue
			}
			node[key] = withoutEmpty(value)
		}
	case []any:
		for i := range node {
			node[i] = withoutEmpty(node[i])
		}
	}
	return tree
}
