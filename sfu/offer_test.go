package sfu

import "testing"

func TestOnlyLinesWithAV1KeepTheDependencyDescriptor(t *testing.T) {
	t.Parallel()
	head, dependency := "v=0\r\ns=-\r\n", "a=extmap:5 "+dependencyURI+"\r\n"
	vp8 := "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
	av1 := "m=video 9 UDP/TLS/RTP/SAVPF 45\r\na=rtpmap:45 AV1/90000\r\n"
	if got, want := plainLines(head+vp8+dependency+av1+dependency), head+vp8+av1+dependency; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := plainLines(""); got != "" {
		t.Errorf("of nothing becomes %q", got)
	}
}
