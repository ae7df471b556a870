use super::*;
use proptest::prelude::*;

/// An element; `len` 8 bytes long, as writers leave room for it.
fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let mut out = header(id, 0x0100_0000_0000_0000 | body.len() as u64);
    out.extend_from_slice(body);
    out
}

fn header(id: u32, len: u64) -> Vec<u8> {
    let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    [&id[..], &len.to_be_bytes()].concat()
}

const UNKNOWN: u64 = 0x01FF_FFFF_FFFF_FFFF;
const HEAD: &[u8] = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
/// 20 ms of CELT.
const PACKET: &[u8] = b"\xF8abc";

fn entry(number: u8, kind: u8, codec: &[u8], more: &[u8]) -> Vec<u8> {
    let children = [
        element(0xD7, &[number]),
        element(0x83, &[kind]),
        element(0x86, codec),
        element(0x63A2, HEAD),
        more.to_vec(),
    ];
    element(0xAE, &children.concat())
}

fn opus_track(number: u8) -> Vec<u8> {
    entry(number, 2, b"A_OPUS", &[])
}

fn block(number: u8) -> Vec<u8> {
    element(SIMPLE_BLOCK, &[&[0x80 | number, 0, 0, 0x80][..], PACKET].concat())
}

fn cluster(blocks: &[Vec<u8>]) -> Vec<u8> {
    element(CLUSTER, &[element(TIMESTAMP, &[0]), blocks.concat()].concat())
}

fn file(tracks: &[Vec<u8>], rest: &[Vec<u8>]) -> Vec<u8> {
    let body = [element(INFO, b"info"), element(TRACKS, &tracks.concat()), rest.concat()].concat();
    [element(EBML, b"webm"), element(SEGMENT, &body)].concat()
}

fn frames(file: &[u8]) -> u64 {
    let layout = locate(file).expect("a layout");
    assert_eq!((layout.account.total(), layout.account.unaccounted), (file.len() as u64, 0));
    layout.frames()
}

fn refused(file: &[u8]) -> String {
    locate(file).expect_err("refused").to_string()
}

#[test]
fn blocks_and_block_groups_of_all_clusters_are_heard() {
    let group = |more: &[u8]| {
        let block = element(0xA1, &[&[0x81, 0, 20, 0][..], PACKET].concat());
        element(BLOCK_GROUP, &[&block, more].concat())
    };
    let rest = [
        cluster(&[block(1), block(1)]),
        element(VOID, &[0; 9]),
        cluster(&[group(&[]), element(VOID, &[0; 3])]),
    ];
    assert_eq!(frames(&file(&[opus_track(1)], &rest)), 3 * 960 - 312);
    // What is to be discarded behind the last block, in nanoseconds: 5 ms.
    let discard = element(0x75A2, &5_000_000u32.to_be_bytes());
    let rest = [cluster(&[block(1), group(&discard)]), element(TAGS, b"tags")];
    assert_eq!(frames(&file(&[opus_track(1)], &rest)), 2 * 960 - 312 - 240);
    // In the middle it is played.
    let rest = [cluster(&[group(&discard), block(1)])];
    assert_eq!(frames(&file(&[opus_track(1)], &rest)), 2 * 960 - 312);
}

#[test]
fn every_lacing_is_heard() {
    let two = |flags: u8, told: &[u8]| {
        element(SIMPLE_BLOCK, &[&[0x81, 0, 0, flags, 1][..], told, PACKET, PACKET].concat())
    };
    for laced in [two(0x82, &[4]), two(0x84, &[]), two(0x86, &[0x84])] {
        assert_eq!(frames(&file(&[opus_track(1)], &[cluster(&[laced])])), 2 * 960 - 312);
    }
    let wrong = two(0x82, &[200]);
    assert!(refused(&file(&[opus_track(1)], &[cluster(&[wrong])])).contains("lacing"));
}

#[test]
fn a_live_recording_that_knows_no_lengths_is_heard_to_its_torn_end() {
    let tracks = element(TRACKS, &opus_track(1));
    let live = |clusters: usize| {
        let mut out = [element(EBML, b"webm"), header(SEGMENT, UNKNOWN), tracks.clone()].concat();
        for _ in 0..clusters {
            out.extend([header(CLUSTER, UNKNOWN), element(TIMESTAMP, &[0]), block(1), block(1)].concat());
        }
        out
    };
    let whole = live(3);
    assert_eq!(frames(&whole), 6 * 960 - 312);
    for cut in 1..block(1).len() {
        assert_eq!(frames(&whole[..whole.len() - cut]), 5 * 960 - 312, "without its last {cut} bytes");
    }
    assert_eq!(frames(&[whole.clone(), vec![0; 50]].concat()), 6 * 960 - 312);
    // Joined to another: both are heard, and nothing is skipped at the second's start.
    assert_eq!(frames(&[whole.clone(), live(2)].concat()), 6 * 960 - 312 + 4 * 960);
}

#[test]
fn foreign_bytes_between_clusters_are_passed_over_and_inside_refused() {
    let clusters = [cluster(&[block(1), block(1)]), cluster(&[block(1)])];
    for junk in [&b"x"[..], &[0; 400], &[0xFF; 70_000], &[0x1F; 3]] {
        let between = file(&[opus_track(1)], &[clusters[0].clone(), junk.to_vec(), clusters[1].clone()]);
        for whole in [between.clone(), [junk, &between].concat(), [&between, junk].concat()] {
            assert_eq!(frames(&whole), 3 * 960 - 312, "{} bytes", junk.len());
        }
    }
    let inside = element(
        CLUSTER,
        &[element(TIMESTAMP, &[0]), block(1), b"\xFFnot a block\xFF".to_vec(), block(1)].concat(),
    );
    assert!(refused(&file(&[opus_track(1)], &[inside])).contains("no block"));
}

#[test]
fn tracks_side_by_side_stand_on_planes_of_their_own_and_pictures_on_none() {
    let tracks = [opus_track(1), entry(2, 1, b"V_VP8", &[]), opus_track(3)];
    let layout = locate(file(&tracks, &[cluster(&[block(1), block(2), block(3), block(3)])]).as_slice());
    let layout = layout.expect("a layout");
    assert_eq!((layout.channels, layout.frames()), (2, 2 * 960 - 312));
    assert!(layout.account.metadata > 0);
}

#[test]
fn what_cannot_be_heard_is_refused_by_its_name() {
    let of = |entry: Vec<u8>| refused(&file(&[entry], &[cluster(&[block(1)])]));
    assert!(of(entry(1, 2, b"A_AAC", &[])).contains("AAC"));
    assert!(of(entry(1, 2, b"A_QUICKTIME", &[])).contains("unknown codec"));
    assert!(of(entry(1, 0x11, b"S_TEXT/UTF8", &[])).contains("subtitles"));
    assert!(of(entry(1, 2, b"A_OPUS", &element(0x6D80, b""))).contains("compressed or encrypted"));
    assert!(of(opus_track(2)).contains("does not describe"));
    let encrypted = cluster(&[block(1), element(ENCRYPTED_BLOCK, b"x")]);
    assert!(refused(&file(&[opus_track(1)], &[encrypted])).contains("encrypted"));
}

#[test]
fn a_checksum_is_known_with_what_it_covers() {
    let crc = element(CRC_32, &[0; 4]);
    let cluster = element(CLUSTER, &[crc, element(TIMESTAMP, &[0]), block(1)].concat());
    let file = file(&[opus_track(1)], &[cluster]);
    let index = index(file.as_slice()).expect("an index");
    let covered = element(TIMESTAMP, &[0]).len() + block(1).len();
    let len = file.len() as u64;
    let want = Checksum { at: len - covered as u64 - 4, from: len - covered as u64, to: len };
    assert_eq!(index.checksums, [want]);
}

/// A walk that looks back at every step would take hours over these.
#[test]
fn hostile_files_of_megabytes_are_walked_to_their_end() {
    let empty_cluster = [header(CLUSTER, 0x0100_0000_0000_0000), b"LYRICSBEGIN".to_vec()].concat();
    let to_the_end = [header(SEGMENT, 0x0100_0000_0030_0000), element(CRC_32, &[0; 4])].concat();
    for (what, unit) in [
        ("clusters", CLUSTER.to_be_bytes().to_vec()),
        ("lyrics", empty_cluster),
        ("checksums", to_the_end),
        ("tracks", element(TRACKS, &opus_track(1))),
        ("lengths", header(TAGS, 0x01FF_FFFF_FFFF_0000)),
    ] {
        let mut file = file(&[opus_track(1)], &[cluster(&[block(1)])]);
        while file.len() < 4 << 20 {
            file.extend_from_slice(&unit);
        }
        if let Ok(index) = index(file.as_slice()) {
            assert_eq!(index.account.total(), file.len() as u64, "{what}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_happens_to_a_file_every_byte_is_named_or_it_is_refused(
        blocks in prop::collection::vec(1u8..3, 1..9),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        junk in prop::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
    ) {
        let clusters: Vec<Vec<u8>> =
            blocks.chunks(3).map(|c| cluster(&c.iter().map(|n| block(*n)).collect::<Vec<_>>())).collect();
        let mut file = file(&[opus_track(1), opus_track(2)], &clusters);
        let place = at.index(file.len() + 1);
        file.splice(place..place, junk);
        for (at, byte) in edits {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
        if let Ok(index) = index(file.as_slice()) {
            prop_assert_eq!(index.account.total(), file.len() as u64);
            for stream in index.streams.groups.iter().flat_map(|g| &g.streams) {
                for n in 0..stream.packets.len() {
                    prop_assert!(stream.packets.read(file.as_slice(), n).is_ok());
                }
            }
        }
    }
}
