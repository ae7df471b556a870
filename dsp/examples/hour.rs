use unsaid_dsp::*;
fn main(){ let f=std::fs::read(std::env::args().nth(1).unwrap()).unwrap(); let l=container::locate("a.wav",f.as_slice()).unwrap();
 let s=decode::decode(&f,&l).unwrap(); for _ in 0..10 { let t=std::time::Instant::now(); let n=dtmf::detect(&s.planes[0],s.rate).len(); println!("dtmf {:?} {n}",t.elapsed());}
}
