// Makes the quizzes answer at once. Without this script, their answers are in a fold-out.
for (const quiz of document.querySelectorAll("fieldset.quiz")) {
  const answers = [...quiz.querySelectorAll("details li")];
  const choices = [...quiz.querySelectorAll("input")];
  const verdict = quiz.querySelector(".verdict");
  quiz.querySelector("details").hidden = true;
  quiz.addEventListener("change", (event) => {
    const answer = answers[choices.indexOf(event.target)];
    verdict.className = "verdict " + answer.className;
    verdict.innerHTML = answer.innerHTML;
  });
}
