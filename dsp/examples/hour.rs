use unsaid_dsp::*;
use std::os::unix::fs::FileExt;
struct F(std::fs::File,u64);
impl container::ReadAt for F { fn len(&self)->u64{self.1} fn read_at(&self,o:u64,b:&mut[u8])->std::io::Result<()>{ self.0.read_exact_at(b,o)} }
fn main(){ let p=std::env::args().nth(1).unwrap(); for _ in 0..10 { let t=std::time::Instant::now(); let f=std::fs::File::open(&p).unwrap(); let n=f.metadata().unwrap().len(); let f=F(f,n); let l=container::locate("a.wav",&f).unwrap();
 let mut r=decode::Reader::open(&f,&l).unwrap(); let mut d=dtmf::Detector::new(l.rate); let mut pl=Vec::new(); while r.next(&mut pl).unwrap() { d.push(&pl[0]); } println!("{:?} {}",t.elapsed(),d.finish().len()); } }
