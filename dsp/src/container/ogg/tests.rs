use super::*;
use proptest::prelude::*;

/// A page of packets that end in it.
fn page(serial: u32, flags: u8, granule: i64, packets: &[&[u8]]) -> Vec<u8> {
    let mut lacing = Vec::new();
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255u8, packet.len() / 255));
        lacing.push((packet.len() % 255) as u8);
    }
    laced(serial, flags, granule, &lacing, &packets.concat())
}

fn laced(serial: u32, flags: u8, granule: i64, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = b"OggS\0".to_vec();
    out.push(flags);
    out.extend(granule.to_le_bytes());
    out.extend(serial.to_le_bytes());
    out.extend([0; 8]);
    out.push(lacing.len() as u8);
    out.extend(lacing);
    out.extend(body);
    let crc = page::crc(&out).to_le_bytes();
    out[22..26].copy_from_slice(&crc);
    out
}

const HEAD: &[u8] = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
/// 20 ms of CELT.
const PACKET: &[u8] = b"\xF8abc";

/// Its head and its comments, then pages of one packet each.
fn opus(serial: u32, pages: usize, from: i64) -> Vec<Vec<u8>> {
    let mut out = vec![page(serial, 2, 0, &[HEAD]), page(serial, 0, 0, &[b"OpusTags"])];
    let flags = |n: usize| if n + 1 == pages { 4 } else { 0 };
    out.extend((0..pages).map(|n| page(serial, flags(n), from + 960 * (n as i64 + 1), &[PACKET])));
    out
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
fn frames_are_counted_by_packets_wherever_granule_positions_begin() {
    for from in [0, -960, -1, 480_000, 566_101 * 48_000, i64::MAX - 10_000] {
        assert_eq!(frames(&opus(1, 5, from).concat()), 5 * 960 - 312, "from {from}");
    }
}

#[test]
fn the_last_page_alone_cuts_off_what_lies_behind_its_granule_position() {
    let mut pages = opus(1, 5, 0);
    pages[6] = page(1, 4, 5 * 960 - 500, &[PACKET]);
    assert_eq!(frames(&pages.concat()), 5 * 960 - 312 - 500);
    // No more than its own packets, and nothing when it does not say that it is the last.
    pages[6] = page(1, 4, 100, &[PACKET]);
    assert_eq!(frames(&pages.concat()), 4 * 960 - 312);
    pages[6] = page(1, 0, 100, &[PACKET]);
    assert_eq!(frames(&pages.concat()), 5 * 960 - 312);
    // A page without a position in the middle changes nothing.
    pages[6] = page(1, 4, 5 * 960 - 500, &[PACKET]);
    pages[4] = page(1, 0, -1, &[PACKET]);
    assert_eq!(frames(&pages.concat()), 5 * 960 - 312 - 500);
}

#[test]
fn whatever_lies_between_pages_is_named_and_passed_over() {
    let pages = opus(1, 5, 0);
    let want = frames(&pages.concat());
    let tag = [&b"ID3\x04\0\0\0\0\x02\x00"[..], &[7; 256]].concat();
    let like_a_page = [&page(9, 0, 0, &[PACKET])[..20], &[9; 40]].concat();
    for junk in [&b"x"[..], &[0; 400], &[0xFF; 70_000], b"OggS\0", b"OggSOggS\0", &tag, &like_a_page] {
        for at in 0..=pages.len() {
            let file = [&pages[..at].concat(), junk, &pages[at..].concat()].concat();
            assert_eq!(frames(&file), want, "{} bytes before page {at}", junk.len());
        }
    }
    let aligned: Vec<u8> =
        pages.iter().flat_map(|p| [p.clone(), vec![0; 1_024 - p.len() % 1_024]].concat()).collect();
    assert_eq!(frames(&aligned), want);
    let account = locate(aligned.as_slice()).expect("a layout").account;
    assert!(account.padding > 0 && account.foreign == 0);
}

#[test]
fn a_tag_that_claims_pages_does_not_hide_them() {
    let pages = opus(1, 5, 0);
    let liar = b"ID3\x04\0\0\0\0\x02\x00";
    let file = [&pages[..4].concat(), &liar[..], &pages[4..].concat(), &[1; 300]].concat();
    assert_eq!(frames(&file), frames(&pages.concat()));
}

#[test]
fn a_page_whose_crc_does_not_fit_is_heard_for_some_player_plays_it() {
    let mut pages = opus(1, 5, 0);
    let want = frames(&pages.concat());
    *pages[4].last_mut().expect("a byte") ^= 1;
    assert_eq!(frames(&pages.concat()), want);
    // Also when zeros follow it.
    pages.insert(5, vec![0; 100]);
    assert_eq!(frames(&pages.concat()), want);
}

#[test]
fn a_page_that_is_cut_off_is_heard_at_the_end_and_refused_in_the_middle() {
    let mut pages = opus(1, 5, 0);
    pages[6] = page(1, 4, 7 * 960, &[PACKET, PACKET, PACKET]);
    let whole = pages.concat();
    let cut = &whole[..whole.len() - 5];
    // One whole packet, and a piece of one that no player plays.
    assert_eq!(frames(cut), 5 * 960 - 312);
    let index = index(cut).expect("an index");
    assert_eq!(index.streams.groups[0].streams[0].packets.fragments().len(), 1);
    assert!(index.pages.last().expect("a page").is_torn);
    let joined = [cut, &opus(2, 5, 0).concat()].concat();
    assert!(refused(&joined).contains("cut off"));
}

#[test]
fn streams_one_behind_the_other_are_heard_one_behind_the_other() {
    let one = opus(1, 5, 0).concat();
    let whole = 5 * 960 - 312;
    assert_eq!(frames(&[&one[..], &opus(2, 7, 0).concat()].concat()), whole + 7 * 960 - 312);
    // Players that look at the number alone take these for one stream, and skip nothing.
    assert_eq!(frames(&[&one[..], &opus(1, 7, 0).concat()].concat()), whole + 7 * 960);
    let index = index([&one[..], &opus(2, 7, 0).concat()].concat().as_slice()).expect("an index");
    assert_eq!(index.streams.groups.len(), 2);
}

#[test]
fn streams_side_by_side_stand_on_planes_of_their_own() {
    let (a, b) = (opus(1, 5, 0), opus(2, 9, 0));
    let mut file = [a[0].clone(), b[0].clone(), a[1].clone(), b[1].clone()].concat();
    (2..11).for_each(|n| {
        file.extend(a.get(n).into_iter().chain(b.get(n)).flatten());
    });
    let layout = locate(file.as_slice()).expect("a layout");
    assert_eq!((layout.channels, layout.frames()), (2, 9 * 960 - 312));
    // An index of where is what, and pictures, are no planes.
    let bones = [page(7, 2, 0, &[b"fishead\0 and more"]), page(8, 2, 0, &[b"\x80theora"]), file].concat();
    assert_eq!(locate(bones.as_slice()).expect("a layout").channels, 2);
}

#[test]
fn what_cannot_be_heard_is_refused_by_its_name() {
    for (magic, name) in [
        (&b"Speex   1.2"[..], "Speex"),
        (b"\x7FFLAC\x01", "FLAC"),
        (b"\x80kate\0\0\0", "subtitles"),
        (b"none", "unknown"),
    ] {
        let file = [page(3, 2, 0, &[magic]), opus(1, 5, 0).concat()].concat();
        assert!(refused(&file).contains(name), "{}", refused(&file));
    }
    let five = HEAD.iter().enumerate().map(|(n, b)| if n == 9 { 5 } else { *b }).collect::<Vec<u8>>();
    assert!(refused(&page(1, 2, 0, &[&five])).contains("more than two channels"));
    assert!(refused(&opus(1, 5, 0)[1..].concat()).contains("beginning is lost"));
    let mut lost = opus(1, 5, 0);
    lost.extend(opus(2, 5, 0).split_off(1));
    assert!(refused(&lost.concat()).contains("beginning is lost"));
}

#[test]
fn a_packet_that_a_lost_page_tore_is_a_fragment() {
    let long = [PACKET, &[5u8; 600]].concat();
    let mut pages = opus(1, 5, 0);
    pages[3] = laced(1, 0, -1, &[255], &long[..255]);
    pages[4] = laced(1, 1, -1, &[255], &long[255..510]);
    pages[5] = laced(1, 1, 4 * 960, &[94, 4], &[&long[510..], PACKET].concat());
    let fragments = |pages: &[Vec<u8>]| {
        let index = index(pages.concat().as_slice()).expect("an index");
        let packets = &index.streams.groups[0].streams[0].packets;
        (packets.len(), packets.fragments().len())
    };
    assert_eq!(fragments(&pages), (4, 0));
    // Without its middle ffmpeg still puts it together.
    let middle = pages.remove(4);
    assert_eq!(fragments(&pages), (4, 0));
    pages.insert(4, middle);
    // Without its beginning it is nothing, nor without its end.
    let begin = pages.remove(3);
    assert_eq!(fragments(&pages), (3, 2));
    pages.insert(3, begin);
    pages.remove(5);
    assert_eq!(fragments(&pages), (2, 2));
}

#[test]
fn an_mp3_before_the_first_page_is_refused() {
    let frame = [&[0xFF, 0xFB, 0x90, 0x00][..], &[0; 413]].concat();
    let file = [frame.repeat(4), opus(1, 5, 0).concat()].concat();
    assert!(refused(&file).contains("MPEG audio"));
}

/// A walk that looks back at every step would take hours over these.
#[test]
fn hostile_files_of_megabytes_are_walked_to_their_end() {
    let mut claims = page(1, 0, 0, &[PACKET]);
    claims[26] = 255;
    for (what, unit) in [
        ("captures", b"OggS\0".to_vec()),
        ("pages of a known stream", claims),
        ("beginnings", page(1, 2, 0, &[HEAD])),
        ("lyrics", [page(1, 0, 0, &[]), b"LYRICSBEGIN".to_vec()].concat()),
        ("tags", [&b"ID3\x04\0\0\x0F\0\0\0"[..], b"OggS\0"].concat()),
        ("frames", vec![0xFF, 0xFB, 0x90, 0x00, 0xFF, 0xF3, 0x40, 0xC0]),
    ] {
        let mut file = if what == "frames" { Vec::new() } else { opus(1, 2, 0).concat() };
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
        pages in prop::collection::vec((0usize..9, 1u32..3), 0..14),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        junk in prop::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut file = Vec::new();
        for (n, serial) in pages {
            file.extend(opus(serial, 7, 0).swap_remove(n));
        }
        let place = at.index(file.len() + 1);
        file.splice(place..place, junk);
        for (at, byte) in edits {
            if !file.is_empty() {
                let at = at.index(file.len());
                file[at] = byte;
            }
        }
        file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
        if let Ok(index) = index(file.as_slice()) {
            prop_assert_eq!(index.account.total(), file.len() as u64);
            prop_assert!(index.pages.windows(2).all(|w| w[0].offset + u64::from(w[0].len) <= w[1].offset));
            for stream in index.streams.groups.iter().flat_map(|g| &g.streams) {
                for n in 0..stream.packets.len() {
                    prop_assert!(stream.packets.read(file.as_slice(), n).is_ok());
                }
            }
        }
    }
}
