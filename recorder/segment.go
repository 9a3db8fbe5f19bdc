package recorder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
)

// partSuffix marks a file that is being written; a whole one ends in wholeSuffix.
const (
	partSuffix  = ".part"
	wholeSuffix = ".webm"
)

// segmentName is the file of a segment, and the end of its key.
func segmentName(number int) string { return fmt.Sprintf("%06d", number) }

// segmentKey is where a segment rests in its region.
func segmentKey(t parley.Track, number int) parley.Key {
	return parley.Key(fmt.Sprintf("meetings/%s/tracks/%s/%s%s", t.Meeting, t.ID, segmentName(number), wholeSuffix))
}

// segments writes the files of one track. Each frame is one write, so that a killed process loses
// nothing but the frame it was writing; a power failure costs what was not synced, one segment.
type segments struct {
	track  parley.Track
	folder string
	length time.Duration
	sealed func(parley.Segment) // called for each file that is whole

	number  int // of the segment being written, or the last one
	file    *os.File
	sum     hash.Hash
	size    int64
	frames  int           // in the file
	cluster time.Duration // start of the segment
	end     time.Duration // of the last frame
	scratch []byte
	started bool // the header was written
}

// write appends a frame, not earlier than the one before, in a new file when the last one is long
// enough. Any error is the disk's; the
// frame may be lost then, and the file is closed with what is good of it.
func (s *segments) write(f frame, spec func() container.TrackSpec) error {
	if !s.started {
		if err := s.writeHeader(spec()); err != nil {
			return err
		}
		s.started = true
	}
	if s.file != nil && f.at-s.cluster >= s.length {
		if err := s.finish(); err != nil {
			return err
		}
	}
	if s.file == nil {
		if err := s.open(f.at); err != nil {
			return err
		}
	}
	s.scratch = container.AppendBlock(s.scratch[:0], s.cluster, f.at, f.keyframe, f.data)
	if err := s.append(s.scratch); err != nil {
		return errors.Join(err, s.rescue())
	}
	s.frames++
	s.end = max(s.end, f.at+f.duration)
	return nil
}

func (s *segments) writeHeader(spec container.TrackSpec) error {
	header, err := container.AppendHeader(nil, spec)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	s.number = 0
	s.cluster, s.end = 0, 0
	if err := s.create(); err != nil {
		return err
	}
	if err := s.append(header); err != nil {
		return errors.Join(err, s.discard())
	}
	return s.finish()
}

// open begins the next segment, at a time of the meeting clock.
func (s *segments) open(at time.Duration) error {
	s.number++
	if err := s.create(); err != nil {
		s.number--
		return err
	}
	s.cluster, s.end = at.Truncate(time.Millisecond), at
	if err := s.append(container.AppendCluster(nil, s.cluster)); err != nil {
		err = errors.Join(err, s.discard())
		s.number--
		return err
	}
	return nil
}

func (s *segments) create() error {
	path := filepath.Join(s.folder, segmentName(s.number)+partSuffix)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.file, s.sum, s.size, s.frames = file, sha256.New(), 0, 0
	return nil
}

func (s *segments) append(b []byte) error {
	if _, err := s.file.Write(b); err != nil {
		return err
	}
	s.sum.Write(b)
	s.size += int64(len(b))
	return nil
}

// finish makes the file durable under its name, and passes it on.
func (s *segments) finish() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	part := file.Name()
	whole := part[:len(part)-len(partSuffix)] + wholeSuffix
	err := errors.Join(file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(part, whole)
	}
	if err == nil {
		err = syncFolder(s.folder)
	}
	if err != nil {
		return err
	}
	s.sealed(parley.Segment{
		Track: s.track.ID, Number: s.number, Start: s.cluster, End: s.end, Bytes: s.size,
		SHA256: parley.Hash(s.sum.Sum(nil)), Key: segmentKey(s.track, s.number),
	})
	return nil
}

// rescue keeps what was written of a file before the disk refused: everything up to size.
func (s *segments) rescue() error {
	if s.frames == 0 {
		s.number--
		return s.discard()
	}
	if err := s.file.Truncate(s.size); err != nil {
		return errors.Join(err, s.discard())
	}
	return s.finish()
}

// discard removes a file of which nothing is good.
func (s *segments) discard() error {
	file := s.file
	s.file = nil
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// isFull tells a full disk from a broken one.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, parley.Full)
}
