package signaling

import (
	"strings"
	"testing"

	"github.com/parley/parley"
)

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:x\r\na=ice-pwd:p\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", "v=0\r\na=ice-ufrag:y\r\na=mid:0\r\n")
	f.Fuzz(func(t *testing.T, body, offer string) {
		if frag, err := parseFragment(body); err == nil {
			next := frag.apply(offer)
			if ufragOf(offer) != "" && ufragOf(next) != frag.ufrag {
				t.Errorf("the offer that restarts with %q has %q", frag.ufrag, ufragOf(next))
			}
			if strings.Count(next, "\n") > strings.Count(offer, "\n")+1 {
				t.Error("the fragment added lines")
			}
			own := newICESession(Offer{SDP: offer})
			if what, err := own.judge([]string{`"other"`}, frag); err == nil {
				t.Errorf("another tag: %d", what)
			}
		}
		if frag, err := parseFragment(fragmentOf(offer)); err == nil && frag.ufrag != "" && !strings.Contains(offer, frag.ufrag) {
			t.Errorf("a ufrag from nowhere: %q", frag.ufrag)
		}
		_, _ = programOffer(publishes, offer)
	})
}

func TestAnEncodersOfferGetsItsDirectionAndSources(t *testing.T) {
	t.Parallel()
	sdp := "v=0\r\nm=audio 9 X 111\r\na=mid:a\r\na=sendrecv\r\nm=video 9 X 96\r\na=mid:b\r\na=sendonly\r\nm=video 9 X 96\r\na=mid:c\r\na=sendonly\r\n"
	offer, err := programOffer(publishes, sdp)
	if err != nil {
		t.Fatal(err)
	}
	for mid, want := range map[string]parley.Source{"a": parley.Microphone, "b": parley.Camera, "c": parley.Screen} {
		if offer.Sources[mid] != want {
			t.Errorf("line %s is %s", mid, offer.Sources[mid])
		}
	}
	if strings.Contains(offer.SDP, "sendrecv") || strings.Count(offer.SDP, "a=sendonly") != 3 {
		t.Error(offer.SDP)
	}
}

func TestAFragmentIsOfTheLineThatHasCandidates(t *testing.T) {
	t.Parallel()
	answer := "v=0\r\ns=-\r\na=group:BUNDLE b c\r\na=ice-lite\r\nm=audio 0 X 0\r\na=mid:a\r\na=end-of-candidates\r\n" +
		"m=video 9 X 96\r\na=mid:b\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=end-of-candidates\r\na=candidate:1\r\n" +
		"m=video 9 X 96\r\na=mid:c\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"
	want := "a=group:BUNDLE b c\r\na=ice-lite\r\nm=video 9 X 96\r\na=mid:b\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1\r\na=end-of-candidates\r\n"
	if got := fragmentOf(answer); got != want {
		t.Errorf("it is\n%s\nnot\n%s", got, want)
	}
}
