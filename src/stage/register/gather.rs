//! Gathers what comes at once: what arrives while a batch is worked on goes
//! into the next one. Nobody waits for a batch to fill.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// Batches at work: while one waits for the disk, the next is prepared.
const AT_WORK: usize = 2;

/// Inputs `T`, each answered with an `A`.
pub struct Gather<T, A> {
    waiting: Mutex<Vec<(T, oneshot::Sender<A>)>>,
    turns: Arc<Semaphore>,
}

impl<T, A> Default for Gather<T, A> {
    fn default() -> Self {
        Gather { waiting: Mutex::default(), turns: Arc::new(Semaphore::new(AT_WORK)) }
    }
}

impl<T: Send + 'static, A: Send + 'static> Gather<T, A> {
    /// The answer of the batch that `input` went into. `work` answers every
    /// input in its order. `None` when the batch's work ended without an answer.
    pub async fn with<W, F>(self: &Arc<Self>, input: T, work: W) -> Option<A>
    where
        W: FnOnce(Vec<T>) -> F + Send + 'static,
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let leads = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push((input, tell));
            waiting.len() == 1
        };
        if leads {
            // On its own: the one who asked may be dropped, the others still wait.
            tokio::spawn(self.clone().work(work));
        }
        told.await.ok()
    }

    async fn work<W, F>(self: Arc<Self>, work: W)
    where
        W: FnOnce(Vec<T>) -> F + Send + 'static,
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let _turn = self.turns.clone().acquire_owned().await;
        let batch = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        let (inputs, tell): (Vec<T>, Vec<_>) = batch.into_iter().unzip();
        for (tell, answer) in tell.into_iter().zip(work(inputs).await) {
            // Whoever asked may be gone.
            let _ = tell.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_gets_the_answer_to_what_they_asked_and_most_share_a_batch() {
        let gather: Arc<Gather<usize, (usize, usize)>> = Arc::default();
        let asked = (0..400).map(|n| {
            let gather = gather.clone();
            tokio::spawn(async move {
                let answer = gather.with(n, |batch| async move {
                    tokio::task::yield_now().await;
                    batch.iter().map(|n| (*n * 2, batch.len())).collect()
                });
                answer.await
            })
        });
        let answers = futures::future::join_all(asked).await;
        let answers: Vec<(usize, usize)> =
            answers.into_iter().map(|a| a.expect("ran").expect("answered")).collect();
        assert!(answers.iter().enumerate().all(|(n, a)| a.0 == n * 2));
        assert!(answers.iter().filter(|a| a.1 > 10).count() > 300, "{answers:?}");
    }
}
